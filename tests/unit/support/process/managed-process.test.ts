import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { eventually } from "../../../support/clock/eventually.ts";

const MODULE = pathToFileURL("tests/support/process/managed-process.ts").href;

/** A program that starts a managed process, prints its pid and then waits. */
const parent = (options: string) => `
  import { ManagedProcess } from "${MODULE}";
  const env = { PATH: process.env.PATH };
  const child = new ManagedProcess({ name: "child", command: "sleep", args: ["600"], env, ${options} });
  console.log(child.pid);
  setInterval(() => {}, 1000);`;

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a managed process", () => {
  it.each(["", "group: true"])("ends when its parent is killed with SIGKILL {%s}", async (options) => {
    const killed = spawn(process.execPath, ["--input-type=module", "--eval", parent(options)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface({ input: killed.stdout }), "line");
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    killed.kill("SIGKILL");
    await eventually("the child is gone", () => !isAlive(pid));
  });
});

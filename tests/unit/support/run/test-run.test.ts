import { execFile } from "node:child_process";
import { describe, expect, it } from "vitest";

const MODULE = new URL("../../../support/run/test-run.ts", import.meta.url).href;

/** Runs two lines of shell as checks and as tests, in a process of their own. */
function run(checks: string, tests: string): Promise<{ status: number; output: string }> {
  const commands = [checks, tests].map((line) => JSON.stringify(["sh", "-c", line])).join(", ");
  const code = `import { testRun } from ${JSON.stringify(MODULE)}; process.exitCode = await testRun(${commands});`;
  return new Promise((resolve) => {
    execFile(process.execPath, ["--input-type=module", "-e", code], (error, output) => {
      resolve({ status: Number(error?.code ?? 0), output });
    });
  });
}

describe("testRun", () => {
  it("ends with the status of the tests when the checks pass, and shows nothing of the checks", async () => {
    expect(await run("echo checked", "echo tested; exit 3")).toEqual({ status: 3, output: "tested\n" });
    expect(await run("exit 0", "exit 0")).toEqual({ status: 0, output: "" });
  });

  it("ends the tests when the checks fail, and shows what the checks printed", async () => {
    const { status, output } = await run("echo wrong; echo type >&2; exit 2", "exec sleep 1000");
    expect(status).toBe(2);
    expect(output).toContain("wrong");
    expect(output).toContain("type");
    expect(output.trimEnd().split("\n").at(-1)).toBe("0 passed, 1 failed");
  });

  it("fails when the tests are killed", async () => {
    expect((await run("exit 0", "kill -9 $$")).status).toBe(1);
  });
});

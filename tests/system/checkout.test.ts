/** `npx fairlead` in a checkout whose build was interrupted. */
import { cp, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cluster, eventually, ROOT } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";

const COPIED = [
  ...["bin", "scripts", "protocol", "workers", "connector"],
  ...["package.json", "package-lock.json", "wrangler.toml"],
];

/** Builds write into drafts, and put them in their place by renaming them: this keeps them from that. */
const HELD = pathToFileURL(join(ROOT, "tests/support/process/held-renames.ts")).href;

let cluster: Cluster;
let checkout: string;

beforeAll(async () => {
  cluster = await Cluster.create();
  checkout = cluster.path("checkout");
  await mkdir(checkout);
  for (const name of COPIED) await cp(join(ROOT, name), join(checkout, name), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(checkout, "node_modules"));
});

afterAll(() => cluster.close());

/** Runs a shell script in the checkout, with a HOME that no npm has used, and without a network. */
function shell(script: string, env: Readonly<Record<string, string>> = {}): ManagedProcess {
  return cluster.spawn({
    name: script,
    command: "/bin/sh",
    args: ["-c", `cd "$0" && ${script}`, checkout],
    env: { npm_config_offline: "true", npm_config_update_notifier: "false", ...env },
  });
}

const builds = () => readdir(join(checkout, "dist")).catch((): string[] => []);

/** Sends a signal to a script's process and its children, as a terminal does, while a build of theirs is under way. */
async function interrupt(script: string, signal: "SIGINT" | "SIGKILL"): Promise<void> {
  const before = await builds();
  const held = shell(script, { NODE_OPTIONS: `--import=${HELD}` });
  await eventually("a build has begun", async () => {
    if (held.exit !== null) throw new Error(`It has ended.\n${held.lastLines(20).join("\n")}`);
    return (await builds()).some((name) => name.startsWith("cli.") && !before.includes(name));
  });
  process.kill(-held.pid, signal);
  await held.exited;
}

describe("npx fairlead in a checkout", () => {
  it("builds what an interrupted build left out, and prints nothing of it on standard output", async () => {
    await interrupt("exec node scripts/build.ts --if-changed", "SIGKILL");
    await interrupt("exec npx fairlead --version", "SIGINT");
    const command = shell("exec npx fairlead --version");
    const { status } = await command.exited;
    expect(status, command.stderr).toBe(0);
    const { version } = JSON.parse(await readFile(join(ROOT, "package.json"), "utf8"));
    expect(command.stdout).toBe(version);
    expect((await builds()).sort()).toEqual([".sources", "cli", "console", "edge"]);
  });
});

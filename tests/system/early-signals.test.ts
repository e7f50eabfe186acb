/** Signals soon after the start, sent to the command as process 1, as a container runs it. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { FAIRLEAD } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { useEdge } from "../support/run/suite.ts";

const suite = useEdge();

/** Runs a program as process 1 of a namespace, whose other processes end with it. */
const UNSHARE = [
  ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"]),
  ...["--pid", "--fork", "--kill-child"],
];
/** Some systems allow no user namespaces. */
const absent = spawnSync("unshare", [...UNSHARE, "true"]).status !== 0;

/** Prints a line when the program has begun to handle SIGTERM. */
const ANNOUNCE =
  "data:text/javascript,process.on('newListener',(name)=>{if(name==='SIGTERM')setImmediate(()=>process.stderr.write('handles\\n'))})";

/** Delays of the signal after the program has begun to handle it, ms. */
const DELAYS = [0, 100, 200, 300, 400, 500, 600];

/** Starts `fairlead ARGS…` as process 1. Resolves once it handles SIGTERM. */
async function start(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ManagedProcess> {
  const program = [process.execPath, "--import", ANNOUNCE, FAIRLEAD, ...args];
  const command = suite.cluster.spawn({
    name: args.join(" "),
    command: "unshare",
    args: [...UNSHARE, ...program],
    env,
  });
  await command.output("it handles SIGTERM", ({ stderr }) => (stderr.includes("handles") ? true : null));
  return command;
}

/** Finds the child that is process 1 of a namespace. The watchdog of a managed process is a child as well. */
async function processOne({ pid }: ManagedProcess): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  for (const child of children.trim().split(" ")) {
    const status = await readFile(`/proc/${child}/status`, "utf8");
    if (/^NSpid:.*\t1$/m.test(status)) return Number(child);
  }
  throw new Error(`No child of ${pid} is process 1 of a namespace.`);
}

/** Sends a signal to process 1. Resolves with its exit status. */
async function end(command: ManagedProcess, signal: "SIGINT" | "SIGTERM"): Promise<number | null> {
  process.kill(await processOne(command), signal);
  return (await command.exited).status;
}

describe.skipIf(absent)("A command as process 1 (user namespaces, or root)", () => {
  it.each([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)("that waits for an answer ends by %s with status %i", async (signal, status) => {
    const silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    const address = silent.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const env = { FAIRLEAD_URL: `https://127.0.0.1:${port}`, FAIRLEAD_KEY: "key" };
    const reached = once(silent, "connection");
    const command = await start(["network", "list"], { ...suite.edge.env, ...env });
    const [socket] = await reached;
    expect(await end(command, signal)).toBe(status);
    socket.destroy();
    silent.close();
  });

  it("ends by SIGTERM with status 143 or 0 at each moment of `connector run`", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: DELAYS.length });
    for (const delay of DELAYS) {
      const state = suite.cluster.fresh("site");
      const args = ["connector", "run", "--site", `site-${delay}`, "--token", token, "--state", state];
      const command = await start(args, {});
      await wait(delay);
      expect([0, 143]).toContain(await end(command, "SIGTERM"));
    }
  });

  it("ends by SIGTERM with status 143 or 0 at each moment of `edge start`", async () => {
    for (const delay of DELAYS) {
      const [api, gateway] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
      const state = suite.cluster.fresh("edge");
      const args = ["edge", "start", "--state", state, "--api", api, "--gateway", gateway, "--no-login"];
      const command = await start(args, {});
      await wait(delay);
      expect([0, 143]).toContain(await end(command, "SIGTERM"));
    }
  });
});

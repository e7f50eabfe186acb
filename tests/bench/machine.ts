/** The machine of a measurement. */
import { execFile } from "node:child_process";
import { availableParallelism, cpus, release } from "node:os";
import type { Machine } from "./results.ts";
import type { Tools } from "./tools.ts";

const VERSION = /\d+\.[\w.]+/;

export async function describeMachine(tools: Partial<Tools> = {}): Promise<Machine> {
  const asked: readonly [string, string | null | undefined, readonly string[]][] = [
    ["nginx", tools.nginx, ["-v"]],
    ["OpenSSH", tools.ssh, ["-V"]],
    ["iperf3", tools.iperf3, ["--version"]],
    ["wrk", tools.wrk, ["--version"]],
    ["pgbench", tools.pgbench, ["--version"]],
  ];
  const versions = await Promise.all(
    asked.map(async ([name, path, args]) => [name, path == null ? null : await version(path, args)] as const),
  );
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    kernel: release(),
    node: process.versions.node,
    tools: Object.fromEntries(versions.flatMap(([name, text]) => (text === null ? [] : [[name, text]]))),
  };
}

/** Returns the first version number in a program's output. wrk prints it and exits with an error. */
function version(path: string, args: readonly string[]): Promise<string | null> {
  return new Promise((done) => {
    execFile(path, [...args], (_, stdout, stderr) => done(VERSION.exec(`${stdout}${stderr}`)?.[0] ?? null));
  });
}

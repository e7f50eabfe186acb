/** What a dump says of a machine and of a state directory, without the content of any file. */
import { lstat, readdir } from "node:fs/promises";
import { arch, availableParallelism, freemem, platform, release, totalmem, uptime } from "node:os";
import { join } from "node:path";
import { unreadable } from "../../files/file-errors.ts";

/** What is known of the machine. */
export function describeMachine() {
  return {
    ...{ platform: platform(), release: release(), arch: arch(), node: process.version },
    ...{ cpus: availableParallelism(), memoryBytes: totalmem(), freeBytes: freemem() },
    uptimeSeconds: Math.round(uptime()),
  };
}

/** Lists the entries of a state directory: mode, size, time and name of each. @throws FairleadError file.unreadable. */
export async function listDirectory(directory: string): Promise<string> {
  const entries = await readdir(directory).catch((thrown: unknown) => {
    const named = { what: "The state directory", path: directory, source: "--state names it." };
    throw unreadable(thrown, named);
  });
  const names = entries.sort();
  const lines = await Promise.all(
    names.map(async (name) => {
      const { mode, size, mtime, uid } = await lstat(join(directory, name));
      const permissions = (mode & 0o7777).toString(8).padStart(4, "0");
      return `${permissions} ${String(uid).padStart(6)} ${String(size).padStart(10)} ${mtime.toISOString()} ${JSON.stringify(name)}`;
    }),
  );
  return `mode    uid      bytes changed                  name\n${lines.join("\n")}\n`;
}

/** The systemd of this machine: units are installed, started and removed. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { FairleadError } from "../../../protocol/errors.ts";

const run = promisify(execFile);

/** Where an administrator's units are. */
const UNITS = "/etc/systemd/system";

/** Exists where systemd is the init process (sd_booted(3)). */
const BOOTED = "/run/systemd/system";

/** The path of a unit's file. */
export const unitFile = (name: string) => join(UNITS, `${name}.service`);

/** Checks that units can be installed. @throws FairleadError host.no_systemd, host.not_root */
export function checkHost(): void {
  if (!existsSync(BOOTED)) throw new FairleadError("host.no_systemd");
  if (process.geteuid?.() !== 0) throw new FairleadError("host.not_root");
}

/** Writes a unit, and starts it now and at each start of the machine. @throws FairleadError host.systemd */
export async function installUnit(name: string, text: string): Promise<void> {
  checkHost();
  await writeFile(unitFile(name), text, { mode: 0o644 });
  await systemctl("daemon-reload");
  await systemctl("enable", `${name}.service`);
  await systemctl("restart", `${name}.service`);
}

/** Stops a unit and removes its file. Its state stays. Returns false when there is no such unit. */
export async function uninstallUnit(name: string): Promise<boolean> {
  checkHost();
  if (!existsSync(unitFile(name))) return false;
  await systemctl("disable", "--now", `${name}.service`);
  await rm(unitFile(name), { force: true });
  await systemctl("daemon-reload");
  return true;
}

async function systemctl(...args: readonly string[]): Promise<void> {
  try {
    await run("systemctl", [...args]);
  } catch (thrown) {
    const printed = thrown instanceof Error && "stderr" in thrown ? String(thrown.stderr).trim() : "";
    const text = `systemctl ${args.join(" ")} failed${printed === "" ? "" : `: ${printed}`}.`.replace(
      /\.\.$/,
      ".",
    );
    throw new FairleadError("host.systemd", text, { cause: thrown });
  }
}

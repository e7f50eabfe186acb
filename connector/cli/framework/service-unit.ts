/** What `connector install` and `edge install` share: options, how this command is run, and what is printed. */
import { realpathSync } from "node:fs";
import { isSea } from "node:sea";
import { FairleadError } from "../../../protocol/errors.ts";
import type { Program } from "../../operator/service-unit/unit.ts";
import type { Context } from "./context.ts";
import { flag, valueOr } from "./definition.ts";

export const dryRunOption = flag("--dry-run", "Print the unit and change nothing.");

/** The name of the unit. */
export const unitNameOption = (usual: string) =>
  valueOr(
    "--name <NAME>",
    "Name of the unit, and of its state directory below /var/lib.",
    parseUnitName,
    usual,
    usual,
  );

/** Parses the name of a unit. @throws FairleadError `request.invalid` */
export function parseUnitName(text: string): string {
  if (/^[a-z][a-z0-9-]{0,47}$/.test(text)) return text;
  throw new FairleadError(
    "request.invalid",
    `"${text}" is not a unit name: a small letter, then at most 47 small letters, digits and hyphens.`,
  );
}

/** How systemd runs this command again: the single file, or Node and the program, by their absolute paths. */
export function thisProgram(): Program {
  if (isSea()) return [process.execPath];
  const [, script] = process.argv;
  return script === undefined ? [process.execPath] : [process.execPath, realpathSync(script)];
}

/** Installs the unit, or prints it with --dry-run. */
export async function install(context: Context, name: string, text: string, dryRun: boolean): Promise<void> {
  if (dryRun) {
    context.answer({ name, unit: text }, (out) => out.raw(text));
    return;
  }
  const { installUnit, unitFile } = await import("../../operator/service-unit/systemd.ts");
  await installUnit(name, text);
  context.answer({ name, file: unitFile(name), state: `/var/lib/${name}` }, (out) => {
    out.line(`${unitFile(name)} is installed and runs; its state is in /var/lib/${name}.`);
    out.line(`Its log: journalctl -u ${name}`);
  });
}

/** Removes the unit. */
export async function uninstall(context: Context, name: string): Promise<void> {
  const { uninstallUnit, unitFile } = await import("../../operator/service-unit/systemd.ts");
  const removed = await uninstallUnit(name);
  context.answer({ name, removed, state: `/var/lib/${name}` }, (out) => {
    out.line(removed ? `${unitFile(name)} is removed.` : `There is no ${unitFile(name)}.`);
    if (removed) out.line(`Its state stays in /var/lib/${name}.`);
  });
}

/** What the commands of the edge share. */
import { isIP } from "node:net";
import { join } from "node:path";
import { stateHome } from "../framework/context.ts";
import { value } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { readSecretText } from "../framework/secret-input.ts";
import { someText } from "../framework/values.ts";

export const edgeStateOption = value(
  "--state <DIR>",
  "state directory; else `fairlead/edge` in XDG_STATE_HOME or ~/.local/state",
  someText,
);

export const passphraseOption = value(
  "--passphrase-file <FILE>",
  "file with a passphrase in its first line, which seals the backup; - is standard input",
  someText,
);

/** The passphrase that --passphrase-file names; undefined without it. @throws FairleadError `request.invalid` */
export async function readPassphrase(io: Io, source: string | undefined): Promise<string | undefined> {
  if (source === undefined) return undefined;
  const { parsePassphrase } = await import("../../operator/backup/backup-file.ts");
  return parsePassphrase(await readSecretText(io, source, "--passphrase-file"), "--passphrase-file");
}

/** The state directory that is meant. */
export const edgeState = async (io: Io, named: string | undefined) =>
  named ?? join(await stateHome(io), "edge");

/** The words that start an edge where it was reached before. */
export function startCommand(
  state: string,
  urls: { readonly api: string; readonly gateway: string | null },
): string {
  const [api, gateway] = [urls.api, urls.gateway].map((url) => (url === null ? null : new URL(url)));
  const words = ["fairlead edge start", `--state ${state}`];
  const port = (url: URL) => url.port || "443";
  // An address is listened on; a name is what others call whatever this machine listens on.
  const own = (url: URL) => isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0 || url.hostname === "localhost";
  if (api) words.push(`--api ${own(api) ? api.hostname : "0.0.0.0"}:${port(api)}`);
  if (gateway) words.push(`--gateway ${own(gateway) ? gateway.hostname : "0.0.0.0"}:${port(gateway)}`);
  if (api && !own(api)) words.push(`--hostname ${api.hostname}`);
  return words.join(" ");
}

/** Options of several commands of the edge. */
import { isIP } from "node:net";
import { join } from "node:path";
import { stateHome } from "../framework/context.ts";
import { value } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { readSecretText } from "../framework/secret-input.ts";
import { someText } from "../framework/values.ts";

export const edgeStateOption = value(
  "--state <DIR>",
  "State directory. The default is `fairlead/edge` in XDG_STATE_HOME or ~/.local/state.",
  someText,
);

export const passphraseOption = value(
  "--passphrase-file <FILE>",
  "File whose first line is a passphrase that seals the backup. `-` is standard input.",
  someText,
);

/** The passphrase in the file of --passphrase-file; undefined without the option. @throws FairleadError `request.invalid` */
export async function readPassphrase(io: Io, source: string | undefined): Promise<string | undefined> {
  if (source === undefined) return undefined;
  const { parsePassphrase } = await import("../../operator/backup/backup-file.ts");
  const from = "Its first line is the passphrase, of at least 8 characters.";
  return parsePassphrase(await readSecretText(io, source, "--passphrase-file", from), "--passphrase-file");
}

/** The state directory of --state, or the usual one. */
export const edgeState = async (io: Io, named: string | undefined) =>
  named ?? join(await stateHome(io), "edge");

/** The command that starts an edge at the addresses of its URLs. */
export function startCommand(
  state: string,
  urls: { readonly api: string; readonly gateway: string | null },
): string {
  const [api, gateway] = [urls.api, urls.gateway].map((url) => (url === null ? null : new URL(url)));
  const words = ["fairlead edge start", `--state ${state}`];
  const port = (url: URL) => url.port || "443";
  // The edge listens on an address. A name is resolved elsewhere, so the edge listens on every address.
  const own = (url: URL) => isIP(url.hostname.replace(/^\[|\]$/g, "")) !== 0 || url.hostname === "localhost";
  if (api) words.push(`--api ${own(api) ? api.hostname : "0.0.0.0"}:${port(api)}`);
  if (gateway) words.push(`--gateway ${own(gateway) ? gateway.hostname : "0.0.0.0"}:${port(gateway)}`);
  if (api && !own(api)) words.push(`--hostname ${api.hostname}`);
  return words.join(" ");
}

import { FairleadError } from "../../../protocol/errors.ts";
import type { Backup } from "../../operator/backup/backup.ts";
import type { Login } from "../../operator/login/login.ts";
import { version } from "../../version.ts";
import type { Context } from "../framework/context.ts";
import { command, needed } from "../framework/definition.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { someText } from "../framework/values.ts";
import { count } from "../views/count.ts";
import { edgeState, edgeStateOption, passphraseOption, readPassphrase } from "./options.ts";

export const edgeBackup = command({
  path: ["edge", "backup"],
  summary: "Write a backup of the whole edge to one file.",
  details:
    "The deployment CA and the admin key are read from the state directory of `edge start` or `edge deploy`. Networks, sites, links, tokens, keys and events are read from the running edge, which keeps running meanwhile. The command needs the role admin, from the stored login or from the admin key in the state directory. The file is a secret (mode 0600): its holder can impersonate the edge. A passphrase seals it.",
  options: {
    output: needed("-o, --output <FILE>", "File to write.", someText),
    state: edgeStateOption,
    passphraseFile: passphraseOption,
  },
  examples: [
    { command: "fairlead edge backup -o edge.backup", says: "Backs up the edge of this machine." },
    {
      command: "fairlead edge backup -o edge.backup --state ./deployment --passphrase-file ./passphrase",
      says: "Backs up and seals an edge on Cloudflare that was deployed from ./deployment.",
    },
  ],
  async run(context, { output, state: named, passphraseFile }) {
    const [{ readEdgeFiles }, { originOf }, { collect }, { backupBytes }, { EdgeClient }] = await Promise.all(
      [
        import("../../operator/backup/edge-files.ts"),
        import("../../operator/backup/origin.ts"),
        import("../../operator/backup/transfer.ts"),
        import("../../operator/backup/backup-file.ts"),
        import("../../net/edge-client.ts"),
      ],
    );
    const passphrase = await readPassphrase(context.io, passphraseFile);
    const state = await edgeState(context.io, named);
    const files = await readEdgeFiles(state);
    const { reach, urls } = originOf(files, await loginOrNull(context), state);
    const edge = new EdgeClient({ ...reach, waiting: context.progress.during });
    const createdAt = new Date(context.io.now()).toISOString();
    const networks: string[] = [];
    try {
      const bytes = await intoSecretFile(output, async () => {
        const backup: Backup = {
          header: { fairlead: "backup", version: 1, createdAt, software: version(), urls },
          files,
          ...(await collect(edge, (network) => networks.push(network))),
        };
        const text = backupBytes(backup, passphrase);
        return { text, made: text.length };
      });
      const sealed = passphrase !== undefined;
      context.answer({ path: output, bytes, createdAt, networks, sealed }, (out) => {
        out.line(
          `Backup of ${urls.api} written to ${output}: ${count(networks.length, "network")}, ${bytes} bytes.`,
        );
        out.line(
          sealed
            ? "It is sealed: restoring it needs the passphrase."
            : "The holder of this file can impersonate this edge: keep it as safe as the CA's key.",
        );
        out.line(`To restore it: \`fairlead edge restore ${output}\`.`);
      });
    } finally {
      await edge.close();
    }
  },
});

/** The login; null without one, since the admin key of the state directory is enough. */
async function loginOrNull(context: Context): Promise<Login | null> {
  try {
    return await context.login();
  } catch (thrown) {
    if (thrown instanceof FairleadError && thrown.code === "edge.not_logged_in") return null;
    throw thrown;
  }
}

import { FairleadError } from "../../../protocol/errors.ts";
import type { Backup } from "../../operator/backup/backup.ts";
import type { Context } from "../framework/context.ts";
import { argument, command, flag, valueOr } from "../framework/definition.ts";
import { makeLog } from "../framework/log.ts";
import { logLevel } from "../framework/options.ts";
import { someText } from "../framework/values.ts";
import { count } from "../views/count.ts";
import { edgeState, edgeStateOption, passphraseOption, readPassphrase, startCommand } from "./options.ts";

export const edgeRestore = command({
  path: ["edge", "restore"],
  summary: "Restore an edge from a backup onto an empty machine.",
  details:
    "The state directory must be empty; the command restores everything or nothing. `fairlead edge start` then runs the edge. Sites reconnect by themselves as soon as the edge answers at its former addresses, and streams open anew. For an edge on Cloudflare: restore with --keys-only, run `fairlead edge deploy`, then restore with --data-only. Never run the restored edge and the original at the same time.",
  arguments: { file: argument("FILE", "Backup that `fairlead edge backup` wrote.", someText) },
  options: {
    state: edgeStateOption,
    passphraseFile: {
      ...passphraseOption,
      description: "File whose first line is the passphrase of a sealed backup. `-` is standard input.",
    },
    keysOnly: flag(
      "--keys-only",
      "Restore the CA and the admin key alone, for `fairlead edge deploy --state DIR`.",
    ),
    dataOnly: flag("--data-only", "Restore networks and API keys alone, into the empty edge of the login."),
    logLevel: valueOr(
      "--log-level <LEVEL>",
      "Least level of log lines: debug, info, warn or error.",
      logLevel,
      "warn",
      "warn",
    ),
  },
  examples: [
    { command: "fairlead edge restore edge.backup", says: "Restores into the default state directory." },
    {
      command: "fairlead edge restore edge.backup --state /var/lib/fairlead --passphrase-file ./passphrase",
      says: "Restores a sealed backup into another directory.",
    },
    {
      command: "fairlead edge restore edge.backup --data-only",
      says: "Restores the data of an edge on Cloudflare that was deployed with the backup's keys.",
    },
  ],
  async run(context, input) {
    if (input.keysOnly && input.dataOnly) {
      throw new FairleadError("request.invalid", "--keys-only and --data-only exclude each other.");
    }
    if (input.dataOnly && input.state !== undefined) {
      throw new FairleadError(
        "request.invalid",
        "--data-only restores into the edge of the login and takes no --state.",
      );
    }
    const { readBackup } = await import("../../operator/backup/backup-file.ts");
    const passphrase = await readPassphrase(context.io, input.passphraseFile);
    const backup = await readBackup(input.file, passphrase);
    if (input.dataOnly) return await restoreData(context, backup);

    const { restoreEdge, restoreFiles } = await import("../../operator/backup/restore.ts");
    const state = await edgeState(context.io, input.state);
    if (input.keysOnly) {
      await restoreFiles(backup, state);
      context.answer(describe(backup, { state }), (out) => {
        out.line(`CA and admin key of ${backup.header.urls.api} restored to ${state}.`);
        out.line(
          `Next: \`fairlead edge deploy --state ${state}\`, then \`fairlead edge restore --data-only\`.`,
        );
      });
      return;
    }
    const { io, json } = context;
    const log = await makeLog({ io, output: io.stderr, level: input.logLevel, json });
    await context.progress.during("Restoring the networks of the backup.", () =>
      restoreEdge(backup, {
        state,
        log,
        onNetwork: (network) => log.info({ network }, "A network is restored."),
      }),
    );
    const start = startCommand(state, urlsOf(backup));
    context.answer(describe(backup, { state, start }), (out) => {
      out.line(
        `${count(backup.networks.length, "network")} restored to ${state}, as of ${backup.header.createdAt}.`,
      );
      out.line(`Sites expect it at ${backup.header.urls.api}. To start it there:`);
      out.command(start);
    });
  },
});

async function restoreData(context: Context, backup: Backup): Promise<void> {
  const { send } = await import("../../operator/backup/transfer.ts");
  const { api } = backup.header.urls;
  const { url } = await context.login();
  if (url !== api) {
    const doubt = `Sites of this backup expect their edge at ${api}, and this edge is ${url}.`;
    context.aside.line(`${context.aside.paint("yellow", "warning:")} ${doubt}`);
  }
  await send(await context.edge(), backup, () => {});
  context.answer(describe(backup, { edge: url }), (out) => {
    out.line(
      `${count(backup.networks.length, "network")} restored to ${url}, as of ${backup.header.createdAt}.`,
    );
  });
}

const urlsOf = ({ header: { urls } }: Backup) => ({ api: urls.api, gateway: urls.links });

const describe = (backup: Backup, where: Record<string, string>) => ({
  ...where,
  createdAt: backup.header.createdAt,
  urls: urlsOf(backup),
  networks: backup.networks.map(({ name }) => name),
});

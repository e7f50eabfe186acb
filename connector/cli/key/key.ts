import { Role } from "../../../protocol/api/keys.ts";
import { KeyId } from "../../../protocol/ids.ts";
import { argument, command, needed, value, values } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { accepting, oneOf, someText } from "../framework/values.ts";

export const keyCreate = command({
  path: ["key", "create"],
  summary: "Create an API key.",
  details:
    "A viewer reads. An operator also changes what is in its networks. An admin also creates networks and keys. The key is shown once, or written to a file; the edge keeps its hash alone.",
  arguments: { name: argument("NAME", "Name of the person or program that the key is for.", someText) },
  options: {
    role: needed("--role <ROLE>", "Role of the key: admin, operator or viewer.", oneOf(...Role.options)),
    networks: values(
      "--network <NAME>",
      "Network that the key is valid for. The default is every network.",
      someText,
    ),
    output: value("-o, --output <FILE>", "Write the key to this file, with mode 0600.", someText),
  },
  examples: [
    {
      command: "fairlead key create ci --role operator --network shop -o ci.key",
      says: "Creates a key for a program that manages the network shop and logs in with --key-file ci.key.",
    },
    {
      command: "fairlead key create anna --role admin",
      says: "Creates a key for a person who may do everything.",
    },
  ],
  async run(context, { name, role, networks, output }) {
    const { createKey } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const scope = networks.length === 0 ? {} : { networks: [...networks] };
    const request = { name, role, ...scope };
    if (output !== undefined) {
      const made = await intoSecretFile(output, async () => {
        const { key, ...rest } = await createKey(edge, request);
        return { text: `${key}\n`, made: rest };
      });
      context.answer({ ...made, path: output }, (out) => {
        out.line(`Key "${made.name}" created (${made.role}, id ${made.id}) and written to ${output}.`);
        out.line("Its holder runs:");
        out.command(`fairlead login ${edge.url} --key-file ${output}`);
      });
      return;
    }
    const made = await createKey(edge, request);
    const print = (out: Printer) => {
      out.line(`Key "${made.name}" created (${made.role}, id ${made.id}). It is not shown again:`);
      out.line();
      out.verbatim(`  ${made.key}`);
      out.line();
      out.line("Its holder puts it into a file and runs:");
      out.command(`fairlead login ${edge.url} --key-file FILE`);
    };
    context.answerSecret(made, print, `fairlead key revoke ${made.id}`);
  },
});

export const keyList = command({
  path: ["key", "list"],
  summary: "List the API keys.",
  details: "The first admin key is not listed. The last use of a key is known to the minute.",
  examples: [{ command: "fairlead key list", says: "Lists the keys without their secrets." }],
  async run(context) {
    const { listKeys, listNetworks } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const [keys, networks] = await Promise.all([listKeys(edge), listNetworks(edge)]);
    const nameOf = (id: string) => networks.find((network) => network.id === id)?.name ?? id;
    const now = context.io.now();
    context.answer(keys, (out) => {
      if (keys.length === 0) {
        return out.line(
          "There are no keys besides the first admin key. `fairlead key create NAME --role ROLE` creates one.",
        );
      }
      out.table(
        ["NAME", "ROLE", "NETWORKS", "CREATED", "LAST USED", "ID"],
        keys.map((key) => [
          key.name,
          key.role,
          key.networks === null ? "all" : key.networks.map(nameOf).join(", "),
          relativeTime(key.createdAt, now),
          key.lastUsedAt === null ? "never" : relativeTime(key.lastUsedAt, now),
          key.id,
        ]),
      );
    });
  },
});

export const keyRevoke = command({
  path: ["key", "revoke"],
  summary: "Revoke an API key.",
  arguments: { id: argument("ID", "Id of the key; `fairlead key list` shows it.", accepting(KeyId)) },
  examples: [
    {
      command: "fairlead key revoke k0123456789abcdefghjkmnpqrs",
      says: "Revokes the key: the edge refuses every later request with it.",
    },
  ],
  async run(context, { id }) {
    const { revokeKey } = await import("../../operator/edge-api.ts");
    const key = await revokeKey(await context.edge(), id);
    context.answer(key, (out) => out.line(`Key "${key.name}" (${key.id}) revoked.`));
  },
});

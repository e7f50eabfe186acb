import { Role } from "../../../protocol/api/keys.ts";
import { KeyId } from "../../../protocol/ids.ts";
import { argument, command, needed, value, values } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { accepting, oneOf, someText } from "../framework/values.ts";

export const keyCreate = command({
  path: ["key", "create"],
  summary: "make an API key",
  details:
    "A viewer reads, an operator also changes things inside its networks, an admin also makes networks and keys. The key is shown once, or written to a file; the edge keeps only its hash.",
  arguments: { name: argument("NAME", "who or what the key is for", someText) },
  options: {
    role: needed("--role <ROLE>", "admin, operator or viewer", oneOf(...Role.options)),
    networks: values("--network <NAME>", "a network it is good for; all networks if none is given", someText),
    output: value("-o, --output <FILE>", "write the key to this file, readable by you only", someText),
  },
  examples: [
    {
      command: "fairlead key create ci --role operator --network shop -o ci.key",
      says: "a key for a program that manages the network shop; it logs in with --key-file ci.key",
    },
    {
      command: "fairlead key create anna --role admin",
      says: "a key for a person who may do everything",
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
        out.line(`Key "${made.name}" made (${made.role}, id ${made.id}) and written to ${output}.`);
        out.line(`Its holder runs: fairlead login ${edge.url} --key-file ${output}`);
      });
      return;
    }
    const made = await createKey(edge, request);
    context.answer(made, (out) => {
      out.line(`Key "${made.name}" made (${made.role}, id ${made.id}). It is shown only this once:`);
      out.line();
      out.line(`  ${made.key}`);
      out.line();
      out.line(`Its holder puts it into a file and runs: fairlead login ${edge.url} --key-file FILE`);
    });
  },
});

export const keyList = command({
  path: ["key", "list"],
  summary: "list the API keys",
  details: "The first admin key is not among them. When a key was last used is known to the minute.",
  examples: [{ command: "fairlead key list", says: "lists keys, without their secrets" }],
  async run(context) {
    const { listKeys, listNetworks } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const [keys, networks] = await Promise.all([listKeys(edge), listNetworks(edge)]);
    const nameOf = (id: string) => networks.find((network) => network.id === id)?.name ?? id;
    const now = context.io.now();
    context.answer(keys, (out) => {
      if (keys.length === 0) {
        return out.line(
          "No keys besides the first admin key. `fairlead key create NAME --role ROLE` makes one.",
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
  summary: "make an API key worthless",
  arguments: { id: argument("ID", "id of the key; `fairlead key list` shows it", accepting(KeyId)) },
  examples: [
    {
      command: "fairlead key revoke k0123456789abcdefghjkmnpqrs",
      says: "requests with that key are refused from now on",
    },
  ],
  async run(context, { id }) {
    const { revokeKey } = await import("../../operator/edge-api.ts");
    const key = await revokeKey(await context.edge(), id);
    context.answer(key, (out) => out.line(`Key "${key.name}" (${key.id}) revoked.`));
  },
});

import { Role } from "../../../protocol/api/keys.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { Hostname } from "../../../protocol/hostnames.ts";
import { KeyId } from "../../../protocol/ids.ts";
import type { Context } from "../framework/context.ts";
import { argument, command, flag, value, values } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { networkOption } from "../framework/options.ts";
import type { Printer } from "../framework/printer.ts";
import { intoSecretFile } from "../framework/secret-file.ts";
import { accepting, oneOf, someText } from "../framework/values.ts";

export const keyCreate = command({
  path: ["key", "create"],
  summary: "Create an API key, or a key for a door.",
  details:
    "With --role, it is a key for the edge's API. A viewer reads. An operator also changes what is in its networks. An admin also creates networks and keys. With --door, it is a key for requests to a hostname by which a service is published, and for nothing else; an operator of the network may create it. The key is shown once, or written to a file; the edge keeps its hash alone.",
  arguments: { name: argument("NAME", "Name of the person or program that the key is for.", someText) },
  options: {
    role: value("--role <ROLE>", "Role of the key: admin, operator or viewer.", oneOf(...Role.options)),
    door: value(
      "--door <HOSTNAME>",
      "Hostname that the key is for, instead of a role in the API.",
      accepting(Hostname),
    ),
    dns: value(
      "--dns <SITE>",
      "In place of --role: a key that is good for DNS over HTTPS alone, with the names and addresses of this site.",
      someText,
    ),
    networks: values(
      "--network <NAME>",
      "Network that the key is valid for. The default is every network; with --door, the network of other commands.",
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
      command: "fairlead key create laptop --dns west --network shop",
      says: "Creates a key for a DNS client at the site west, and prints the address of its server.",
    },
    {
      command: "fairlead key create anna --role admin",
      says: "Creates a key for a person who may do everything.",
    },
    {
      command: "fairlead key create phone-app --door shop.example.com -o app.key",
      says: "Creates a key for clients of the service that is published at shop.example.com.",
    },
  ],
  async run(context, { name, role, door, dns, networks, output }) {
    if ([role, door, dns].filter((given) => given !== undefined).length > 1) {
      throw new FairleadError("request.invalid", "Give --role, --door or --dns, and only one of them.");
    }
    if ((door !== undefined || dns !== undefined) && networks.length > 1) {
      throw new FairleadError("request.invalid", "A hostname or a site belongs to one network.");
    }
    if (door !== undefined) {
      return createForDoor(context, { name, hostname: door, network: networks[0], output });
    }
    if (role === undefined && dns === undefined) {
      throw new FairleadError("request.invalid", "Neither --role nor --door nor --dns is given.", {
        action:
          "Give --role ROLE for a key to the API, --door HOSTNAME for a key to a published service, or --dns SITE for DNS over HTTPS.",
      });
    }
    const { createKey } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const scope = networks.length === 0 ? {} : { networks: [...networks] };
    const request =
      dns === undefined
        ? { name, role: role ?? "viewer", ...scope }
        : { name, role: "dns" as const, site: dns, networks: [await context.network(networks[0])] };
    /** What the holder of the key does with it. */
    const use = (out: Printer, key: string) => {
      if (dns === undefined) return;
      out.line("Its holder gives a DNS client this address:");
      out.command(`${edge.url}/dns-query/${key}`);
    };
    if (output !== undefined) {
      const made = await intoSecretFile(output, async () => {
        const { key, ...rest } = await createKey(edge, request);
        return { text: `${key}\n`, made: rest };
      });
      context.answer({ ...made, path: output }, (out) => {
        out.line(`Key "${made.name}" created (${made.role}, id ${made.id}) and written to ${output}.`);
        if (dns !== undefined) {
          use(out, "KEY");
          return;
        }
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
      if (dns !== undefined) {
        use(out, made.key);
        return;
      }
      out.line("Its holder puts it into a file and runs:");
      out.command(`fairlead login ${edge.url} --key-file FILE`);
    };
    context.answerSecret(made, print, `fairlead key revoke ${made.id}`);
  },
});

/** Creates a key for a door, and prints it or writes it to a file. */
async function createForDoor(
  context: Context,
  {
    name,
    hostname,
    network: named,
    output,
  }: {
    name: string;
    hostname: string;
    network: string | undefined;
    output: string | undefined;
  },
): Promise<void> {
  const { createDoorKey } = await import("../../operator/edge-api.ts");
  const network = await context.network(named);
  const edge = await context.edge();
  if (output !== undefined) {
    const made = await intoSecretFile(output, async () => {
      const { key, ...rest } = await createDoorKey(edge, network, { name, hostname });
      return { text: `${key}\n`, made: rest };
    });
    context.answer({ ...made, path: output }, (out) => {
      out.line(`Key "${made.name}" for ${hostname} created (id ${made.id}) and written to ${output}.`);
      out.line("A client sends it so:");
      out.command(`curl -H "Authorization: Bearer $(cat ${output})" https://${hostname}/`);
    });
    return;
  }
  const made = await createDoorKey(edge, network, { name, hostname });
  const print = (out: Printer) => {
    out.line(`Key "${made.name}" for ${hostname} created (id ${made.id}). It is not shown again:`);
    out.line();
    out.verbatim(`  ${made.key}`);
    out.line();
    out.line("A client sends it in the header `Authorization: Bearer KEY`.");
  };
  context.answerSecret(made, print, `fairlead key revoke ${made.id} --door`);
}

export const keyList = command({
  path: ["key", "list"],
  summary: "List the API keys, or the keys for doors.",
  details: "The first admin key is not listed. The last use of a key is known to the minute.",
  options: {
    door: flag("--door", "List the keys for the hostnames of a network instead."),
    network: networkOption,
  },
  examples: [
    { command: "fairlead key list", says: "Lists the keys without their secrets." },
    { command: "fairlead key list --door", says: "Lists the keys for published services." },
  ],
  async run(context, { door, network: named }) {
    if (door) return listForDoors(context, named);
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

async function listForDoors(context: Context, named: string | undefined): Promise<void> {
  const { listDoorKeys } = await import("../../operator/edge-api.ts");
  const keys = await listDoorKeys(await context.edge(), await context.network(named));
  const now = context.io.now();
  context.answer(keys, (out) => {
    if (keys.length === 0) {
      return out.line("There are no keys. `fairlead key create NAME --door HOSTNAME` creates one.");
    }
    out.table(
      ["NAME", "HOSTNAME", "CREATED", "LAST USED", "ID"],
      keys.map((key) => [
        key.name,
        key.hostname,
        relativeTime(key.createdAt, now),
        key.lastUsedAt === null ? "never" : relativeTime(key.lastUsedAt, now),
        key.id,
      ]),
    );
  });
}

export const keyRevoke = command({
  path: ["key", "revoke"],
  summary: "Revoke an API key, or a key for a door.",
  arguments: { id: argument("ID", "Id of the key; `fairlead key list` shows it.", accepting(KeyId)) },
  options: {
    door: flag("--door", "The key is for a hostname of a network."),
    network: networkOption,
  },
  examples: [
    {
      command: "fairlead key revoke k0123456789abcdefghjkmnpqrs",
      says: "Revokes the key: the edge refuses every later request with it.",
    },
  ],
  async run(context, { id, door, network }) {
    const { revokeDoorKey, revokeKey } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const key = door
      ? await revokeDoorKey(edge, await context.network(network), id)
      : await revokeKey(edge, id);
    context.answer(key, (out) => out.line(`Key "${key.name}" (${key.id}) revoked.`));
  },
});

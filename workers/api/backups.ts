/**
 * Backup and restore of the directory and of each network. A restore never overwrites: it is refused by a
 * directory that holds anything, and by a network that exists.
 */
import { createRoute, type z } from "@hono/zod-openapi";
import { DirectoryDump, MAX_BACKUP, NetworkDump, readBackup } from "../../protocol/api/backup.ts";
import { Network } from "../../protocol/api/networks.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { unwrap } from "../result.ts";
import { type Api, body, registryOf, responses } from "./context.ts";
import { invalidRequest } from "./invalid-request.ts";
import { NetworkParam } from "./networks.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["backup"];
const large = { maxBody: MAX_BACKUP };

const dumpDirectory = createRoute({
  ...routeAccess("get", "/v1/backup"),
  summary: "Back up the directory: networks, hashed keys and the edge's own events",
  tags,
  responses: responses(200, DirectoryDump, "The backup, which is a secret."),
});

const restoreDirectory = createRoute({
  ...routeAccess("post", "/v1/restore", large),
  summary: "Restore the directory of an edge that has no networks and no keys yet",
  tags,
  request: { body: body(DirectoryDump) },
  responses: responses(200, Network.array(), "The networks in the backup; restore each of them next."),
});

const dumpNetwork = createRoute({
  ...routeAccess("get", "/v1/networks/{network}/backup"),
  summary: "Back up a network: everything that its registry holds",
  tags,
  request: { params: NetworkParam },
  responses: responses(200, NetworkDump, "The backup, which is a secret."),
});

const restoreNetwork = createRoute({
  ...routeAccess("post", "/v1/networks/{network}/restore", { ...large, newNetwork: true }),
  summary: "Restore a network that is empty or deleted",
  tags,
  request: { params: NetworkParam, body: body(NetworkDump) },
  responses: responses(200, Network, "The network."),
});

export function addBackups(api: Api): void {
  api.openapi(dumpDirectory, async (c) => c.json(await c.var.directory.dump(), 200));

  api.openapi(
    restoreDirectory,
    async (c) => {
      const dump = c.req.valid("json");
      return c.json(unwrap(await c.var.directory.restore(dump, c.var.caller.name)), 200);
    },
    refuseBackup(DirectoryDump),
  );

  api.openapi(dumpNetwork, async (c) => c.json(unwrap(await registryOf(c).dump()), 200));

  api.openapi(
    restoreNetwork,
    async (c) => {
      const { directory, caller } = c.var;
      const dump = c.req.valid("json");
      const { id, name } = dump.network;
      const wanted = c.req.valid("param").network;
      if (wanted !== id && wanted !== name) {
        throw new FairleadError("backup.malformed", `The backup is of another network, "${name}".`);
      }
      // The route's checks set it when the network exists.
      const known: Network | undefined = c.var.network;
      if (known !== undefined && known.id !== id) {
        throw new FairleadError("backup.not_empty", `There is another network named "${name}".`);
      }
      if (known === undefined) {
        const network = { id, name, createdAt: new Date().toISOString() };
        unwrap(await directory.createNetwork(network, caller.name));
      }
      try {
        const restored = unwrap(await registryOf(c, { id }).restore(dump, caller.name));
        const patterns = (await directory.listHostnames(id)).map(({ pattern }) => pattern);
        unwrap(await registryOf(c, { id }).setHostnames(patterns, caller.name));
        await directory.noteRestored(restored, caller.name);
        return c.json(restored, 200);
      } catch (thrown) {
        if (known === undefined) await directory.deleteNetwork(id, caller.name);
        throw thrown;
      }
    },
    refuseBackup(NetworkDump),
  );
}

/** Refuses a malformed backup, or a backup of a newer version, with the codes of backups. */
function refuseBackup(schema: z.ZodType) {
  return (result: {
    success: boolean;
    target: string;
    data?: unknown;
    error?: z.core.$ZodError;
  }): undefined => {
    if (result.success) return undefined;
    if (result.target === "json") readBackup(schema, result.data);
    throw invalidRequest(result.target, result.error?.issues ?? []);
  };
}

/** The stored state of a registry, which tests read and change directly: past times, and unreachable states. */
import { runInDurableObject } from "cloudflare:test";
import {
  type Attachment,
  readAttachment,
  writeAttachment,
} from "../../../workers/registry/sockets/attachment.ts";
import { Mutations } from "../../../workers/registry/store/mutations.ts";
import { registryOf } from "./member.ts";

/** Runs a statement in the database of a network's registry. */
export const runSql = (
  network: { networkId: string },
  statement: string,
  ...values: (string | number | Uint8Array<ArrayBuffer> | null)[]
) =>
  runInDurableObject(registryOf(network), (_, { storage }) => {
    const rows = storage.sql.exec(statement, ...values).toArray();
    Mutations.of(storage).noteAll();
    return rows;
  });

/** Changes the attachments of uplinks with a tag, or of all uplinks. */
export const alterUplinks = (network: { networkId: string }, changes: Partial<Attachment>, tag?: string) =>
  runInDurableObject(registryOf(network), (_, ctx) => {
    for (const socket of ctx.getWebSockets(tag)) {
      const attachment = readAttachment(socket);
      if (attachment) writeAttachment(socket, { ...attachment, ...changes });
    }
  });

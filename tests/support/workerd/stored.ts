/** What a registry stores, read and changed behind its back: time that passed, and states that nothing leads to. */
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

/** Changes what the uplinks with a tag carry through hibernation; all of them unless one is given. */
export const alterUplinks = (network: { networkId: string }, changes: Partial<Attachment>, tag?: string) =>
  runInDurableObject(registryOf(network), (_, ctx) => {
    for (const socket of ctx.getWebSockets(tag)) {
      const attachment = readAttachment(socket);
      if (attachment) writeAttachment(socket, { ...attachment, ...changes });
    }
  });

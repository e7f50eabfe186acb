/**
 * The attachments of hibernating sockets: what a socket carries through hibernation. Versioned by their schemas and
 * validated on reading: after a deployment, older or newer code may read them.
 */
import type * as z from "zod";

export class SocketAttachments<T> {
  readonly #schema: z.ZodType<T>;
  /** Attachments that were read or written. Each message reads one; each is parsed once. */
  readonly #known = new WeakMap<WebSocket, T>();

  constructor(schema: z.ZodType<T>) {
    this.#schema = schema;
  }

  write(socket: WebSocket, attachment: T): void {
    this.#known.set(socket, attachment);
    socket.serializeAttachment(attachment);
  }

  /** Null for an attachment that the schema does not know. Such a socket is left alone. */
  read(socket: WebSocket): T | null {
    const known = this.#known.get(socket);
    if (known !== undefined) return known;
    const { data } = this.#schema.safeParse(socket.deserializeAttachment());
    if (data === undefined) return null;
    this.#known.set(socket, data);
    return data;
  }
}

/** The proof that an HTTP/1.1 server meant to speak WebSocket (RFC 6455 §4.1). */
import { createHash, randomBytes } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A new value for Sec-WebSocket-Key. */
export const webSocketKey = (): string => randomBytes(16).toString("base64");

/** The value of Sec-WebSocket-Accept that answers a key. */
export const webSocketAccept = (key: string): string =>
  createHash("sha1")
    .update(key + GUID)
    .digest("base64");

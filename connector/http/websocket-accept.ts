/** The proof of an HTTP/1.1 server that it understood the WebSocket of its client (RFC 6455 §4.2.2). */
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The value of Sec-WebSocket-Accept that answers a key. */
export const webSocketAccept = (key: string): string =>
  createHash("sha1").update(`${key}${GUID}`).digest("base64");

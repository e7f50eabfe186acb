/** The question to an HTTP/1.1 server whether it means to speak WebSocket (RFC 6455 §4.1). */
import { randomBytes } from "node:crypto";

/** A new value for Sec-WebSocket-Key. */
export const webSocketKey = (): string => randomBytes(16).toString("base64");

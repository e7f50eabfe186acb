/** Every case of h2spec, in its order, and how a client performs one. */
import { Http2Client } from "../http2-client.ts";
import { CONNECTION } from "./connection.ts";
import { FRAMES } from "./frames.ts";
import { GENERIC } from "./generic.ts";
import { HPACK } from "./hpack.ts";
import type { Http2Case } from "./http2-case.ts";
import { MESSAGES } from "./messages.ts";

export const HTTP2_CASES: readonly Http2Case[] = [
  ...GENERIC,
  ...CONNECTION,
  ...FRAMES,
  ...MESSAGES,
  ...HPACK,
];

/** Performs a case on a connection of its own. @throws Error that says what the server did in place of what it must */
export async function performHttp2Case(
  { steps, isRaw = false, difference }: Http2Case,
  { host = "127.0.0.1", port }: { readonly host?: string; readonly port: number },
): Promise<void> {
  const client = await Http2Client.connect(port, host);
  try {
    if (!isRaw) await client.handshake();
    for (const [index, step] of steps.entries()) {
      const isLast = index === steps.length - 1;
      if (!("event" in step)) client.send(step);
      else await client.expect(isLast && difference !== undefined ? difference.instead : step);
    }
  } finally {
    client.close();
  }
}

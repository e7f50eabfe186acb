/** Floods of uplink messages. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import type { Offer } from "../../../protocol/uplink/messages.ts";
import { randomId } from "../authority/certificates.ts";
import type { RawUplink } from "../connector/raw-site.ts";

/** Makes the messages of a kind, by their number. */
export type Messages = (round: number) => object | string;

const NOBODY = { site: randomId("site"), boot: randomId("boot") };

/** Makes a thousand listeners that fail and recover in turns. */
const changedListeners = (round: number) =>
  Array.from({ length: 1000 }, (_, at) => ({
    ...{ service: `s${at}`, address: `127.0.0.1:${at + 1}` },
    ...(round % 2 === 0 ? { state: "listening" } : { state: "failed", code: "listener.failed" }),
  }));

/** Floods by name. */
export const FLOODS: Readonly<Record<string, Messages>> = {
  "requests for the status": (id) => ({ type: "status.request", id }),
  renewals: (id) => ({ type: "renew", id }),
  offers: (round) => ({ type: "offers", offers: [testOffer(`api-${round}`)] }),
  listeners: (round) => ({ type: "listeners", listeners: changedListeners(round) }),
  "requests for sessions": (id) => ({ type: "session.request", id, service: "nothing", peer: NOBODY }),
  "messages that are not JSON": () => "x".repeat(200_000),
};

export function testOffer(name: string, parts: Partial<Offer> = {}): Offer {
  return { name, protocol: "tcp", port: 9000, ...parts };
}

/**
 * Sends messages until `until` is aborted or the uplink is closed, and reads no message.
 * @returns the number of sent messages
 */
export async function flood(uplink: RawUplink, messages: Messages, until: AbortSignal): Promise<number> {
  const { socket } = uplink;
  let sent = 0;
  socket.pause();
  while (!until.aborted && socket.readyState !== WebSocket.CLOSED) {
    for (let at = 0; at < 200 && socket.bufferedAmount < 1_000_000; at++) {
      sent += 1;
      const message = messages(sent);
      socket.send(typeof message === "string" ? message : JSON.stringify(message));
    }
    await sleep(5);
  }
  return sent;
}

/** Lanes as connectors dial them: through the entrypoint behind the socket with client certificates. */
import { exports } from "cloudflare:workers";
import { LANE_PATH, TICKET_HEADER } from "../../../protocol/uplink/assertions.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { createAssertion } from "../authority/test-site.ts";
import { errorOf } from "./client.ts";
import { GATEWAY_URL } from "./environment.ts";
import { Line, type TestUplink } from "./member.ts";

let counter = 0;

/** Dials with a ticket as the process of `uplink`. Returns the answer. */
export async function dialTicket(uplink: TestUplink, ticket: string): Promise<Response> {
  counter += 1;
  const assertion = { purpose: "lane", jti: `${uplink.boot}.${counter}` } as const;
  const gateway = exports.Gateway({ props: { enforcesClientCertificates: true } });
  const headers = {
    upgrade: "websocket",
    authorization: `Bearer ${await createAssertion(uplink.member, assertion)}`,
    [TICKET_HEADER]: ticket,
  };
  return gateway.fetch(`${GATEWAY_URL}${LANE_PATH}`, { headers }) as unknown as Promise<Response>;
}

/** Opens an end of a lane, by default of the first. */
export async function openLane(uplink: TestUplink, invitation: Invitation, lane = 0): Promise<Line> {
  return new Line(await dialTicket(uplink, invitation.tickets?.[lane] ?? invitation.ticket));
}

/** Sends random bytes both ways over a lane. @throws Error when they do not arrive unchanged */
export async function expectJoined(left: Line, right: Line, size = 65_536): Promise<void> {
  for (const [from, to] of [
    [left, right],
    [right, left],
  ] as const) {
    const sent = new Uint8Array(size);
    for (let at = 0; at < size; at += 65_536) {
      crypto.getRandomValues(sent.subarray(at, Math.min(size, at + 65_536)));
    }
    from.socket.send(sent);
    const got = await to.take(`${size} bytes`, (data) =>
      typeof data === "string" ? null : new Uint8Array(data),
    );
    if (got.length !== size || got.some((byte, at) => byte !== sent[at]))
      throw new Error("The received bytes differ.");
  }
}

/** Returns status and code of a refused dial. */
export const refusal = (uplink: TestUplink, ticket: string) => errorOf(dialTicket(uplink, ticket));

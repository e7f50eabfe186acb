/** Where a site dials: its uplink and its lanes, on the edge's links address. */
import type { WebSocket } from "ws";
import { LANE_PATH, TICKET_HEADER, UPLINK_PATH } from "../../protocol/assertions.ts";
import { MAX_MESSAGE } from "../../protocol/messages.ts";
import { LANE_SOCKET_OPTIONS } from "../session/lane.ts";
import { rootsOf } from "../site/roots.ts";
import type { Site } from "../site/site.ts";
import { dial } from "./dial.ts";

/** What of a site it takes to prove it. */
export type Member = Pick<Site, "membership" | "keyPem" | "assert">;

/** A UTF-16 code unit takes three bytes of UTF-8 at the most. */
const MAX_UPLINK_PAYLOAD = 3 * MAX_MESSAGE;

/** Dials the uplink with an assertion of its own. @throws FairleadError as {@link dial}. */
export async function dialUplink(site: Member, signal: AbortSignal): Promise<WebSocket> {
  return await dial({
    ...credentials(site),
    url: linksUrl(site, UPLINK_PATH),
    headers: { authorization: `Bearer ${await site.assert("uplink")}` },
    webSocket: { maxPayload: MAX_UPLINK_PAYLOAD },
    fallback: "uplink.lost",
    signal,
  });
}

/**
 * Dials a lane with its ticket. Its messages are uncompressed and masked with zeros.
 * @throws FairleadError ticket.*, lane.*, session.*, certificate.*, proxy.failed.
 */
export async function dialLane(site: Member, ticket: string, signal: AbortSignal): Promise<WebSocket> {
  return await dial({
    ...credentials(site),
    url: linksUrl(site, LANE_PATH),
    headers: { authorization: `Bearer ${await site.assert("lane")}`, [TICKET_HEADER]: ticket },
    webSocket: LANE_SOCKET_OPTIONS,
    fallback: "lane.failed",
    signal,
  });
}

function credentials(site: Member) {
  const { ca, edge } = site.membership;
  return { ca: rootsOf({ ca, tls: edge.tls }), certificate: site.membership.chain, key: site.keyPem };
}

function linksUrl(site: Member, path: string): string {
  return site.membership.edge.links.replace(/^https/, "wss") + path;
}

/** Where a site dials: its uplink and its lanes, on the edge's gateway. */
import type { WebSocket } from "ws";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import { LANE_PATH, TICKET_HEADER, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import { MAX_MESSAGE } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";
import { LANE_SOCKET_OPTIONS } from "../net/lane-socket.ts";
import { rootsOf } from "../net/trust.ts";
import { dial } from "../net/websocket.ts";
import type { Site } from "../site/site.ts";
import { LaneAddress } from "./lane-address.ts";
import { probeLanes } from "./lane-probe.ts";

/** What of a site it takes to prove it. */
export type Member = Pick<Site, "membership" | "keyPem" | "assert">;

/** Failures of the way to an address, which another address may not have. */
const WAY_THERE: readonly ErrorCode[] = ["lane.failed", "proxy.failed", "edge.untrusted"];

/** A UTF-16 code unit takes three bytes of UTF-8 at the most. */
const MAX_UPLINK_PAYLOAD = 3 * MAX_MESSAGE;

/** Dials the uplink with an assertion of its own; `roundTrip` to the edge, ms, null while it is not known. @throws FairleadError as {@link dial}. */
export async function dialUplink(
  site: Member,
  signal: AbortSignal,
  roundTrip: number | null = null,
): Promise<WebSocket> {
  return await dial({
    ...credentials(site),
    url: webSocketUrl(site.membership.edge.gateway, UPLINK_PATH),
    headers: { authorization: `Bearer ${await site.assert("uplink")}` },
    webSocket: { maxPayload: MAX_UPLINK_PAYLOAD },
    fallback: "uplink.lost",
    timeoutMs: timeLimit("dial", roundTrip),
    signal,
  });
}

/**
 * Dials a lane with its ticket. Its messages are uncompressed and masked with zeros.
 * @param at origin of the address that takes lanes; the gateway unless given
 * @throws FairleadError ticket.*, lane.*, session.*, certificate.*, proxy.failed.
 */
export async function dialLane(
  site: Member,
  ticket: string,
  signal: AbortSignal,
  at = site.membership.edge.gateway,
  roundTrip: number | null = null,
): Promise<WebSocket> {
  return await dial({
    ...credentials(site),
    url: webSocketUrl(at, LANE_PATH),
    headers: { authorization: `Bearer ${await site.assert("lane")}`, [TICKET_HEADER]: ticket },
    webSocket: LANE_SOCKET_OPTIONS,
    fallback: "lane.failed",
    timeoutMs: timeLimit(at === site.membership.edge.gateway ? "dial" : "lanePort", roundTrip),
    signal,
  });
}

/** Where a site dials lanes. */
export function laneAddress(site: Member, log: Log): LaneAddress {
  return new LaneAddress({
    gateway: () => site.membership.edge.gateway,
    probe: (origin) => probeLanes({ ...credentials(site), url: `${origin}${LANE_PATH}` }),
    mayPass: (error) => error instanceof FairleadError && WAY_THERE.includes(error.code),
    log,
  });
}

function credentials(site: Member) {
  const { ca, edge } = site.membership;
  return { ca: rootsOf({ ca, tls: edge.tls }), certificate: site.membership.chain, key: site.keyPem };
}

function webSocketUrl(origin: string, path: string): string {
  return origin.replace(/^https/, "wss") + path;
}

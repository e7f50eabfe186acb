/** Dials the uplink and the lanes of a site at the edge's gateway. */
import type { ClientOptions, WebSocket } from "ws";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { MAX_TELEMETRY_MESSAGE, TELEMETRY_PATH } from "../../protocol/telemetry/messages.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import { LANE_PATH, TICKET_HEADER, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import { MAX_MESSAGE } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";
import { LANE_SOCKET_OPTIONS } from "../net/lane-socket.ts";
import { trustedRoots } from "../net/trust.ts";
import { dialWebSocket } from "../net/websocket.ts";
import type { Site } from "../site/site.ts";
import { LaneAddress } from "./lane-address.ts";
import { probeLaneAddress } from "./lane-probe.ts";

/** The parts of a site that prove its identity. */
export type Member = Pick<Site, "membership" | "keyPem" | "assert">;

/** Failures of the path to an address. Another address may have another path. */
const PATH_FAILURES: readonly ErrorCode[] = ["lane.failed", "proxy.failed", "edge.untrusted"];

/** Most bytes of a UTF-16 code unit in UTF-8. */
const CODE_UNIT_BYTES = 3;

/** A WebSocket at the gateway that needs no ticket. */
interface GatewayPath {
  readonly path: string;
  /** The purpose of its assertion. */
  readonly purpose: "uplink" | "telemetry";
  /** The longest message, in bytes. */
  readonly maxPayload: number;
}

const UPLINK: GatewayPath = {
  path: UPLINK_PATH,
  purpose: "uplink",
  maxPayload: CODE_UNIT_BYTES * MAX_MESSAGE,
};
const TELEMETRY: GatewayPath = {
  path: TELEMETRY_PATH,
  purpose: "telemetry",
  maxPayload: CODE_UNIT_BYTES * MAX_TELEMETRY_MESSAGE,
};

/**
 * Dials the uplink with a fresh assertion.
 * @param rtt round trip to the edge, ms; null if unknown
 * @throws FairleadError as {@link dialWebSocket}; `uplink.lost` for other failures
 */
export function dialUplink(site: Member, signal: AbortSignal, rtt: number | null = null): Promise<WebSocket> {
  return dialGateway(UPLINK, site, signal, rtt);
}

/**
 * Dials a telemetry connection with a fresh assertion.
 * @param rtt round trip to the edge, ms; null if unknown
 * @throws FairleadError as {@link dialUplink}
 */
export function dialTelemetry(
  site: Member,
  signal: AbortSignal,
  rtt: number | null = null,
): Promise<WebSocket> {
  return dialGateway(TELEMETRY, site, signal, rtt);
}

async function dialGateway(
  { path, purpose, maxPayload }: GatewayPath,
  site: Member,
  signal: AbortSignal,
  rtt: number | null,
): Promise<WebSocket> {
  return await dialWebSocket({
    ...credentials(site),
    url: webSocketUrl(site.membership.edge.gateway, path),
    headers: { authorization: `Bearer ${await site.assert(purpose)}` },
    webSocket: { maxPayload },
    fallback: "uplink.lost",
    timeoutMs: timeLimit("dial", rtt),
    signal,
  });
}

/**
 * Opens an uplink at the gateway, and closes it before it says anything.
 * @throws FairleadError as {@link dialUplink}
 */
export async function reachGateway(site: Member): Promise<void> {
  const socket = await dialUplink(site, new AbortController().signal);
  socket.close(1000);
}

/**
 * Dials a lane with its ticket.
 * @param origin of the address that serves lanes; the gateway unless given
 * @param rtt round trip to the edge, ms; null if unknown
 * @param webSocket options of the WebSocket; those of a lane of a session unless given
 * @throws FairleadError `ticket.*`, `lane.*`, `session.*`, `certificate.*`, `proxy.failed`
 */
export async function dialLane(
  site: Member,
  ticket: string,
  signal: AbortSignal,
  origin = site.membership.edge.gateway,
  rtt: number | null = null,
  webSocket: ClientOptions = LANE_SOCKET_OPTIONS,
): Promise<WebSocket> {
  return await dialWebSocket({
    ...credentials(site),
    url: webSocketUrl(origin, LANE_PATH),
    headers: { authorization: `Bearer ${await site.assert("lane")}`, [TICKET_HEADER]: ticket },
    webSocket,
    fallback: "lane.failed",
    timeoutMs: timeLimit(origin === site.membership.edge.gateway ? "dial" : "lanePort", rtt),
    signal,
  });
}

/** The address at which a site dials lanes. */
export function laneAddress(site: Member, log: Log): LaneAddress {
  return new LaneAddress({
    gateway: () => site.membership.edge.gateway,
    probe: (origin) => probeLaneAddress({ ...credentials(site), url: `${origin}${LANE_PATH}` }),
    isPathFailure: (error) => error instanceof FairleadError && PATH_FAILURES.includes(error.code),
    log,
  });
}

function credentials(site: Member) {
  const { ca, edge } = site.membership;
  return { ca: trustedRoots({ ca, tls: edge.tls }), certificate: site.membership.chain, key: site.keyPem };
}

function webSocketUrl(origin: string, path: string): string {
  return origin.replace(/^https/, "wss") + path;
}

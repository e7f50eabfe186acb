/** Makes the records of streams and requests, in the form in which they leave the connector. */
import { SessionId, SiteId } from "../../protocol/ids.ts";
import type { FlowRecord } from "../../protocol/telemetry/flow-record.ts";
import { visible } from "../../protocol/text.ts";
import type { FlowView } from "../relay/flow.ts";
import type { RequestReport } from "../relay/request-report.ts";

/** What a record is made of: a stream, or a request that has ended. */
export type Recorded = FlowView | RequestReport;

/** Names the process of a client. */
type NameOf = (client: string) => string;

/** Whether the record is that of a request. */
export function isReport(recorded: Recorded): recorded is RequestReport {
  return "method" in recorded;
}

/** The record of a stream or a request. `now`: ms since 1970. */
export function flowRecord(recorded: Recorded, nameOf: NameOf, now: number): FlowRecord {
  return isReport(recorded) ? requestRecord(recorded, nameOf) : streamRecord(recorded, nameOf, now);
}

/** When a stream or a request ended, ms since 1970; null while it is open. */
export function endOf(recorded: Recorded): number | null {
  const ms = isReport(recorded) ? recorded.ms : recorded.endedMs;
  return ms === null ? null : recorded.startedAt + ms;
}

function streamRecord(flow: FlowView, nameOf: NameOf, now: number): FlowRecord {
  const { protocol, bytesToTarget, bytesToClient, startedAt, endedMs, firstByteMs, outcome } = flow;
  return {
    ...{ kind: "stream", state: endedMs === null ? "open" : "ended", ...common(flow, nameOf) },
    ...{ protocol, bytesToTarget, bytesToClient },
    ms: rounded(endedMs ?? Math.max(0, now - startedAt)),
    firstByteMs: firstByteMs === null ? null : rounded(firstByteMs),
    outcome,
  };
}

function requestRecord(report: RequestReport, nameOf: NameOf): FlowRecord {
  const { protocol, method, authority, path, status, grpcStatus, attempts = 1 } = report;
  const { ms, firstByteMs, bytesToTarget, bytesToClient, outcome } = report;
  return {
    ...{ kind: "request", state: "ended", ...common(report, nameOf) },
    ...{ protocol, bytesToTarget, bytesToClient, ms: rounded(ms) },
    firstByteMs: firstByteMs === null ? null : rounded(firstByteMs),
    outcome,
    ...{ method: shown(method, 32), path: shown(path, 256), status },
    ...(authority === undefined ? {} : { authority: shown(authority, 256) }),
    ...(grpcStatus === undefined ? {} : { grpcStatus }),
    ...(attempts === 1 ? {} : { attempts }),
  };
}

function common(recorded: Recorded, nameOf: NameOf) {
  const { side, service, peer, isDoor, client, target, session, stream, startedAt, trace } = recorded;
  const isSession = session !== null && SessionId.safeParse(session).success;
  return {
    ...{ at: Math.floor(startedAt), side, service },
    peer: isDoor ? { site: null, name: "door" } : peerOf(peer),
    client: client === null ? null : shown(client, 100),
    process: client === null || side === "target" ? null : nameOf(client),
    target: target === null ? null : shown(target, 300),
    ...{ session: isSession ? session : null, stream: isSession ? stream : null },
    ...(trace ? { trace: trace.id } : {}),
  };
}

function peerOf(peer: FlowView["peer"]): FlowRecord["peer"] {
  if (peer === null) return null;
  const { site, siteName } = peer;
  return { site: SiteId.safeParse(site).success ? site : null, name: shown(siteName, 63) };
}

/** A text without control characters, shortened. */
export function shown(text: string, max: number): string {
  const clean = visible(text);
  return clean.length > max ? clean.slice(0, max) : clean;
}

/** Hundredths of a millisecond are enough for people, and shorter on the wire. */
const rounded = (ms: number): number => Math.round(ms * 100) / 100;

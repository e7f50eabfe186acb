/** Flows and requests as the relay reports them, for tests of telemetry. */
import type { FlowOutcome, FlowView } from "../../../connector/relay/flow.ts";
import type { RequestReport } from "../../../connector/relay/request-report.ts";
import { makeId } from "../../../protocol/ids.ts";

const id = (kind: "site" | "boot" | "session", number: number) =>
  makeId(
    kind,
    Uint8Array.from({ length: 16 }, (_, at) => (at === 15 ? number : 0)),
  );

export const HERE = id("site", 1);
export const THERE = { site: id("site", 2), siteName: "east", boot: id("boot", 2) };
export const SESSION = id("session", 1);

/** A flow whose fields a test changes as it goes. */
export type TestFlow = { -readonly [Key in keyof FlowView]: FlowView[Key] };

/** An open stream of a client, joined with a stream to the site east. */
export function testFlow(given: Partial<FlowView> = {}): TestFlow {
  return {
    ...{ side: "listener", service: "api", network: "n", site: HERE, client: "127.0.0.1:4000" },
    ...{ isDoor: false, protocol: "tcp", isInternal: false, startedAt: 1_000_000, peer: THERE },
    ...{ session: SESSION, stream: 1, target: null, bytesToTarget: 0, bytesToClient: 0 },
    ...{ firstByteMs: null, openedMs: 1, endedMs: null, outcome: null },
    ...given,
  };
}

/** Ends a flow as the relay does. */
export function endFlow(flow: TestFlow, outcome: FlowOutcome = "completed", ms = 10): TestFlow {
  return Object.assign(flow, { outcome, endedMs: ms });
}

/** A request that has ended. */
export function testRequest(given: Partial<RequestReport> = {}): RequestReport {
  return {
    ...{ side: "listener", service: "api", network: "n", site: HERE, client: "127.0.0.1:4000" },
    ...{ isDoor: false, peer: THERE, session: SESSION, stream: 1, target: null, protocol: "http1" },
    ...{ method: "GET", authority: "api", path: "/", status: 200, startedAt: 1_000_000.5, ms: 5 },
    ...{ firstByteMs: 4, bytesToTarget: 100, bytesToClient: 200, outcome: "completed" },
    ...given,
  };
}

/** Names clients by their address. */
export const addressNames = {
  begin() {},
  nameOf: (client: string) => client.slice(0, client.lastIndexOf(":")),
  end() {},
};

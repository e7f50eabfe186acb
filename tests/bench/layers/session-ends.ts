/** Both ends of a session in one process, from the lanes upwards: the connector's own classes. */
import type { Duplex } from "node:stream";
import { attachStreams } from "../../../connector/session/attach-streams.ts";
import { CarrierV2 } from "../../../connector/session/carrier-v2.ts";
import { LaneHandshake } from "../../../connector/session/lane-handshake.ts";
import { DEFAULT_LIMITS } from "../../../connector/session/limits.ts";

import { SessionStream } from "../../../connector/session/session-stream.ts";
import { openTls, type SessionIdentity } from "../../../connector/session/tls.ts";
import {
  CARRIER_VERSIONS,
  DEFAULT_WINDOW_BYTES,
  type Lane,
  type LaneEvents,
} from "../../../protocol/carrier/index.ts";
import { MemoryBudget } from "../../../protocol/memory-budget.ts";
import { SESSION_FEATURES } from "../../../protocol/streams/features.ts";
import { randomId, TestNetwork } from "../../support/authority/certificates.ts";

const SERVICE = "bench";
const SETUP_MS = 60_000;

/** The two sites of a session. */
export interface Sites {
  readonly near: SessionIdentity;
  readonly far: SessionIdentity;
}

export async function makeSites(): Promise<Sites> {
  const network = await TestNetwork.create();
  const [near, far] = await Promise.all([network.identity(), network.identity()]);
  return { near, far };
}

type MakeLane = (events: LaneEvents) => Lane;

/** Exchanges the prefaces of a lane's two ends, and gives each to a carrier. */
export async function openCarriers(makeNear: MakeLane, makeFar: MakeLane): Promise<[CarrierV2, CarrierV2]> {
  const session = randomId("session");
  const near = { site: randomId("site"), boot: randomId("boot") };
  const far = { site: randomId("site"), boot: randomId("boot") };
  const begin = (makeLane: MakeLane, self: typeof near, peer: typeof near) =>
    new LaneHandshake(makeLane, {
      expected: { session, generation: 1, ...peer },
      preface: () => ({ carrier: CARRIER_VERSIONS, session, generation: 1, ...self }),
      timeoutMs: SETUP_MS,
    });
  const handshakes = [begin(makeNear, near, far), begin(makeFar, far, near)] as const;
  const [left, right] = await Promise.all(handshakes.map(carrierOver));
  if (left === undefined || right === undefined) throw new Error("a lane has two ends");
  return [left, right];
}

async function carrierOver(handshake: LaneHandshake): Promise<CarrierV2> {
  const { preface } = await handshake.done;
  const carrier = new CarrierV2({
    replayBytes: DEFAULT_LIMITS.replayBytes,
    windowBytes: DEFAULT_WINDOW_BYTES,
    memory: new MemoryBudget().open(preface.site),
    idle: () => false,
    lanesNeeded: () => {},
    stateChanged: () => {},
    roundTripMeasured: () => {},
  });
  carrier.join(handshake, 1, preface);
  carrier.proven();
  return carrier;
}

/** The session's TLS over two ends of a byte stream. */
export async function openChannels([near, far]: [Duplex, Duplex], sites: Sites): Promise<[Duplex, Duplex]> {
  const open = (end: Duplex, role: "client" | "server", identity: SessionIdentity, peer: SessionIdentity) =>
    openTls(end, { role, identity, peerSite: peer.site });
  return await Promise.all([
    open(near, "client", sites.near, sites.far),
    open(far, "server", sites.far, sites.near),
  ]);
}

/** Opens a stream over two ends of a channel. Resolves when the far end has accepted it. */
export async function openStreams([near, far]: [Duplex, Duplex]): Promise<[SessionStream, SessionStream]> {
  const ready = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<SessionStream>();
  const attach = (channel: Duplex, role: "client" | "server") =>
    attachStreams(channel, {
      session: "session",
      role,
      limits: DEFAULT_LIMITS,
      memory: new MemoryBudget().open("peer"),
      software: "bench",
      features: SESSION_FEATURES,
      share: null,
      ready: () => ready.resolve(),
      opened: opened.resolve,
      busy: () => {},
      goaway: () => {},
      ended: (error) => opened.reject(error),
      failure: () => null,
    });
  attach(far, "server");
  const streams = attach(near, "client");
  await ready.promise;
  const stream = new SessionStream("session");
  stream.attach(streams.open({ service: SERVICE }, stream));
  const theirs = await opened.promise;
  theirs.accept();
  await stream.accepted;
  return [stream, theirs];
}

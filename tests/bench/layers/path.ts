/**
 * A connector's path from a client's socket to the edge, cut off at each layer in turn. Each stack has one layer more than
 * the one before, so the difference of the two is what that layer costs.
 */
import type { Duplex } from "node:stream";
import type { RelayStream } from "../../../connector/relay/relay.ts";
import type { SessionStream } from "../../../connector/session/session-stream.ts";
import { WebSocketLane } from "../../../connector/session/websocket-lane.ts";
import type { LaneEvents } from "../../../protocol/carrier/index.ts";
import { testRelay } from "../../support/connector/test-relay.ts";
import { FarLane } from "./far-lane.ts";
import { HeldBytes } from "./held.ts";
import { HeldLane } from "./held-lane.ts";
import { HeldEnd } from "./held-pipe.ts";
import { LocalEnd } from "./local-end.ts";
import { openCarriers, openChannels, openStreams, type Sites } from "./session-ends.ts";
import { type Ground, overSocket, type Stack, type StackKind } from "./stack.ts";
import { flowing, openHeldSocket, openSocketWire, type SocketPair, type Wire } from "./wire.ts";

const relay = testRelay();

/** Nothing but the bench and the event loop. */
async function loopAlone(): Promise<Stack> {
  let received = 0;
  let written = 0;
  const out = new HeldBytes((chunk) => {
    received += chunk.length;
  });
  const back = new HeldBytes((chunk) => {
    written += chunk.length;
  });
  return {
    wire: { out, back, close() {} },
    received: () => received,
    answer: (bytes) => back.take(bytes),
    written: () => written,
    request: (bytes) => out.take(bytes),
    read() {},
    inKernel: false,
    close() {},
  };
}

async function localSocket(): Promise<Stack> {
  const local = await LocalEnd.open();
  let received = 0;
  const out = new HeldBytes((chunk) => {
    received += chunk.length;
  });
  const back = new HeldBytes((chunk) => void local.socket.write(chunk));
  local.socket.on("data", (chunk: Buffer) => out.take(chunk));
  return {
    wire: { out, back, close() {} },
    received: () => received,
    answer: (bytes) => back.take(bytes),
    written: () => local.written,
    request: (bytes) => local.send(bytes),
    read: () => local.read(),
    inKernel: false,
    close: () => local.close(),
  };
}

function held(): [HeldEnd, HeldEnd, Wire] {
  const [left, right] = HeldEnd.pair();
  const close = () => {
    left.destroy();
    right.destroy();
  };
  return [left, right, { out: left, back: right, close }];
}

function join(local: LocalEnd, stream: RelayStream): void {
  relay.join(local.socket, stream, relay.start({ side: "listener", service: "bench", stream }));
}

async function relayed(): Promise<Stack> {
  const local = await LocalEnd.open();
  const [left, right, wire] = held();
  const stream = Object.assign(left, {
    id: 1,
    session: "session",
    send: (bytes: Uint8Array) => left.write(bytes),
    noteQueued() {},
    resetAfterWrites() {},
  });
  join(local, stream);
  return overSocket(local, wire, right);
}

async function joined(wire: Wire, streams: [SessionStream, SessionStream], inKernel = false): Promise<Stack> {
  const local = await LocalEnd.open();
  const [near, far] = streams;
  join(local, near);
  return overSocket(local, wire, far, inKernel);
}

async function streamed(): Promise<Stack> {
  const [left, right, wire] = held();
  return await joined(wire, await flowing(wire, openStreams([left, right])));
}

async function encrypted({ sites }: Ground): Promise<Stack> {
  const [left, right, wire] = held();
  return await joined(wire, await flowing(wire, openSession([left, right], sites)));
}

async function openSession(ends: [Duplex, Duplex], sites: Sites): Promise<[SessionStream, SessionStream]> {
  return await openStreams(await openChannels(ends, sites));
}

async function carried({ sites }: Ground): Promise<Stack> {
  const lanes: HeldLane[] = [];
  const makeLane = (events: LaneEvents) => {
    const lane = new HeldLane(events);
    lanes.push(lane);
    return lane;
  };
  const carriers = openCarriers(makeLane, makeLane);
  const [left, right] = lanes;
  if (left === undefined || right === undefined) throw new Error("a lane has two ends");
  HeldLane.join(left, right);
  const wire: Wire = { out: left, back: right, close() {} };
  const opened = await flowing(wire, carriers);
  return await joined(closing(wire, opened), await flowing(wire, openSession(opened, sites)));
}

/** A wire whose carriers end with it. */
function closing(wire: Wire, carriers: readonly Duplex[]): Wire {
  const close = () => {
    for (const carrier of carriers) carrier.destroy();
    wire.close();
  };
  return { ...wire, close };
}

async function overLane({ near, far, wire }: SocketPair, sites: Sites, inKernel: boolean): Promise<Stack> {
  const carriers = await flowing(
    wire,
    openCarriers(
      (events) => new WebSocketLane(near, events),
      (events) => new FarLane(far, events),
    ),
  );
  const streams = await flowing(wire, openSession(carriers, sites));
  return await joined(closing(wire, carriers), streams, inKernel);
}

/** The path of a connector, from the client's side down. */
export const PATH: readonly StackKind[] = [
  { id: "loop", open: loopAlone },
  { id: "local", open: localSocket },
  { id: "relay", open: relayed },
  { id: "streams", open: streamed },
  { id: "inner-tls", open: encrypted },
  { id: "carrier", open: carried },
  { id: "lane", open: async ({ sites }) => await overLane(await openHeldSocket(), sites, false) },
  {
    id: "outer-tls",
    open: async ({ sites, certificates }) => await overLane(await openSocketWire(certificates), sites, true),
  },
];

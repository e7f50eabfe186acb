import { once } from "node:events";
import type { TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { CarrierV2 } from "../../../../connector/session/carrier-v2.ts";
import { connectDirectly } from "../../../../connector/session/js-stream.ts";
import { LaneHandshake } from "../../../../connector/session/lane-handshake.ts";
import { openTls, type SessionIdentity } from "../../../../connector/session/tls.ts";
import type { Lane, LaneEvents } from "../../../../protocol/carrier/index.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId, TestNetwork } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";

const session = randomId("session");
const prefaceOf = (site: string, boot: string) => ({
  carrier: { min: 2, max: 2 },
  session,
  generation: 1,
  site,
  boot,
  lane: 0,
  received: 0,
});

let west: SessionIdentity;
let east: SessionIdentity;
const carriers: CarrierV2[] = [];

beforeAll(async () => {
  const network = await TestNetwork.create();
  west = await network.identity();
  east = await network.identity();
});

afterEach(() => {
  for (const carrier of carriers.splice(0)) carrier.abort(new FairleadError("session.closed"));
});

/** One end of a lane in memory. Messages wait while the other end is paused. */
class MemoryLane implements Lane {
  peer: MemoryLane | null = null;
  readonly #events: LaneEvents;
  readonly #waiting: (() => void)[] = [];
  isPaused = false;

  constructor(events: LaneEvents) {
    this.#events = events;
    setImmediate(() => events.opened());
  }

  sendText(text: string): void {
    this.peer?.arrive((events) => events.text(text));
  }
  send(pieces: readonly Uint8Array[]): boolean {
    const message = Buffer.concat(pieces);
    this.peer?.arrive((events) => events.bytes(message));
    return true;
  }
  arrive(deliver: (events: LaneEvents) => void): void {
    this.#waiting.push(() => deliver(this.#events));
    setImmediate(() => this.#deliver());
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
    setImmediate(() => this.#deliver());
  }
  close(error?: FairleadError): void {
    this.peer?.arrive((events) => events.closed(error ?? null));
  }
  terminate(): void {
    this.close();
  }
  #deliver(): void {
    while (!this.isPaused && this.#waiting.length > 0) this.#waiting.shift()?.();
  }
}

interface End {
  readonly lane: MemoryLane;
  readonly carrier: CarrierV2;
  readonly tls: TLSSocket;
}

/** Two ends of a TLS connection over a carrier, which reads and writes the carrier directly. */
async function connect(): Promise<[End, End]> {
  const boots = [randomId("boot"), randomId("boot")] as const;
  const sites = [west.site, east.site] as const;
  const handshakes = [0, 1].map((at) => {
    const [own, other] = at === 0 ? ([0, 1] as const) : ([1, 0] as const);
    return new LaneHandshake((events) => new MemoryLane(events), {
      expected: { session, generation: 1, site: sites[other], boot: boots[other] },
      preface: () => prefaceOf(sites[own], boots[own]),
      timeoutMs: 60_000,
    });
  });
  const lanes = handshakes.map(({ lane }) => lane as MemoryLane);
  const [near, far] = lanes as [MemoryLane, MemoryLane];
  near.peer = far;
  far.peer = near;
  const ends = handshakes.map(async (handshake, at): Promise<End> => {
    const { preface } = await handshake.done;
    const carrier = new CarrierV2({
      lanesNeeded: () => {},
      idle: () => false,
      stateChanged: () => {},
      roundTripMeasured: () => {},
    });
    carriers.push(carrier);
    carrier.join(handshake, 1, preface);
    const tls = await (at === 0
      ? openTls(carrier, { role: "client", identity: west, peerSite: east.site })
      : openTls(carrier, { role: "server", identity: east, peerSite: west.site }));
    tls.on("error", () => {});
    carrier.proven();
    expect(connectDirectly(tls, carrier)).toBe(true);
    return { lane: handshake.lane as MemoryLane, carrier, tls };
  });
  return (await Promise.all(ends)) as [End, End];
}

describe("connectDirectly", () => {
  it("finds the native stream where this version of Node keeps it, and carries bytes both ways", async () => {
    const ends = await connect();
    for (const [from, to] of [ends, ends.toReversed()] as [End, End][]) {
      const sent = Buffer.alloc(1_000_000, "some bytes ");
      const received: Buffer[] = [];
      to.tls.on("data", (chunk: Buffer) => received.push(chunk));
      from.tls.write(sent);
      await eventually("all bytes", () => Buffer.concat(received).equals(sent));
    }
  });

  it("stops the lane while TLS is not read, and loses nothing", async () => {
    const [west, east] = await connect();
    const sent = Buffer.alloc(4_000_000, "some bytes ");
    west.tls.write(sent);
    await eventually("the lane is paused", () => east.lane.isPaused);
    const received: Buffer[] = [];
    east.tls.on("data", (chunk: Buffer) => received.push(chunk));
    await eventually("all bytes", () => Buffer.concat(received).equals(sent));
  });

  it("delivers everything that was written before the end, then the end", async () => {
    const [west, east] = await connect();
    const received: Buffer[] = [];
    east.tls.on("data", (chunk: Buffer) => received.push(chunk));
    const ended = once(east.tls, "end");
    west.tls.write(Buffer.alloc(300_000));
    west.tls.end("the last bytes");
    await ended;
    expect(Buffer.concat(received).length).toBe(300_014);
  });

  it("completes a write when the carrier fails", async () => {
    const [west] = await connect();
    west.lane.pause();
    west.lane.peer?.pause();
    const closed = new Promise((resolve) => west.tls.once("close", resolve));
    west.tls.write(Buffer.alloc(40_000_000));
    await new Promise((resolve) => setImmediate(resolve));
    west.carrier.abort(new FairleadError("session.lost"));
    await closed;
    expect(west.tls.destroyed).toBe(true);
  });
});

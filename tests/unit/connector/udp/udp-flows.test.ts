import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { describe, expect, it, onTestFinished } from "vitest";
import { firstPort, parseExpose } from "../../../../connector/config/service-options.ts";
import type { ClientStream } from "../../../../connector/listeners/stream-opener.ts";
import { silent } from "../../../../connector/log.ts";
import type { RelayStream } from "../../../../connector/relay/relay.ts";
import { TargetPool } from "../../../../connector/targets/target-pool.ts";
import { UdpClients, type UdpClientsOptions } from "../../../../connector/udp/udp-clients.ts";
import { UdpStreams, type UdpStreamsOptions } from "../../../../connector/udp/udp-streams.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import { peerStream, testRelay } from "../../../support/connector/test-relay.ts";
import { freePort } from "../../../support/free-port.ts";

async function udpSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

/** A target that answers each datagram with the same bytes, and counts them by the sender. */
async function echoTarget() {
  const socket = await udpSocket();
  const senders = new Map<number, number>();
  socket.on("message", (payload, { port, address }) => {
    senders.set(port, (senders.get(port) ?? 0) + 1);
    socket.send(payload, port, address);
  });
  return { socket, senders };
}

interface SetUp {
  readonly clients?: Partial<UdpClientsOptions>;
  readonly streams?: Partial<UdpStreamsOptions>;
  /** The port of the target; that of an echo server unless given. */
  readonly targetPort?: number;
  /** Refuses the first streams. */
  readonly refusals?: number;
}

/** A listener whose streams go straight to the server of streams of another connector. */
async function setUp({
  clients: clientOptions,
  streams: streamOptions,
  targetPort,
  refusals = 0,
}: SetUp = {}) {
  const target = await echoTarget();
  const listener = createSocket("udp4");
  const relays = { listener: testRelay(), target: testRelay() };
  const peer = { site: randomId("site"), siteName: "west", boot: randomId("boot") };
  const port = targetPort ?? target.socket.address().port;
  const exposure = parseExpose(`dns=127.0.0.1:${port}`);
  const streams = new UdpStreams({
    ...{ relay: relays.target, log: silent, pool: new TargetPool() },
    ...streamOptions,
  });
  let left = refusals;
  const asked: ClientStream["request"][] = [];
  const open = async ({ early, request }: ClientStream): Promise<RelayStream> => {
    asked.push(request);
    if (left-- > 0) throw new FairleadError("service.unavailable");
    const { stream, far, accepted } = peerStream("dns", { kind: "udp" });
    const flow = relays.target.start({ side: "target", service: "dns", peer, stream });
    const send = (bytes: Uint8Array) => far.write(bytes);
    early.sendTo(Object.assign(far, { send }));
    const signal = new AbortController().signal;
    const port = firstPort(exposure);
    await streams.serve(stream, { exposure, port, peer, encryption: "end-to-end", flow, signal });
    await accepted;
    early.accepted();
    const ends = { id: 1, session: "session-test", send, noteQueued: () => {} };
    return Object.assign(far, {
      ...ends,
      resetAfterWrites: (error: FairleadError) => void far.destroy(error),
    });
  };
  const clients = new UdpClients({ opener: { open }, relay: relays.listener, ...clientOptions });
  listener.bind(0, "127.0.0.1");
  await once(listener, "listening");
  clients.serve({ service: "dns", port: 53, protocol: "udp" }, listener);
  onTestFinished(() => {
    clients.close();
    streams.close();
    listener.close();
  });
  const client = async () => {
    const socket = await udpSocket();
    const received: string[] = [];
    socket.on("message", (payload) => received.push(payload.toString()));
    const send = (text: string) => void socket.send(text, listener.address().port, "127.0.0.1");
    return { socket, received, send };
  };
  return { target, clients, streams, relays, asked, listener, client };
}

describe("Flows of datagrams", () => {
  it("carry datagrams both ways, each client over a socket of its own", async () => {
    const { client, target, asked } = await setUp();
    const [one, two] = [await client(), await client()];
    one.send("a");
    two.send("b");
    await eventually("the answers", () => one.received.length === 1 && two.received.length === 1);
    for (let round = 0; round < 20; round++) one.send(`round ${round}`);
    await eventually("the rest", () => one.received.length === 21);
    expect(one.received[0]).toBe("a");
    expect(two.received).toEqual(["b"]);
    expect([...target.senders.values()].sort((left, right) => left - right)).toEqual([1, 21]);
    expect(asked).toEqual([
      { kind: "udp", port: 53 },
      { kind: "udp", port: 53 },
    ]);
  });

  it("carry empty datagrams, and the longest that UDP has", async () => {
    const { client, listener } = await setUp();
    const { socket } = await client();
    const lengths: number[] = [];
    socket.on("message", (payload) => lengths.push(payload.length));
    for (const length of [0, 65_507, 1]) {
      socket.send(Buffer.alloc(length), listener.address().port, "127.0.0.1");
      await eventually("the answer", () => lengths.at(-1) === length);
    }
    expect(lengths).toEqual([0, 65_507, 1]);
  });

  it("end when no datagram comes for the idle time, and a client may begin anew", async () => {
    const pass = holdTime();
    const { client, clients, relays, target } = await setUp({ clients: { idleMs: 60 } });
    const one = await client();
    one.send("a");
    await eventually("the answer", () => one.received.length === 1);
    await pass(200);
    await eventually("the end", () => clients.size === 0 && relays.target.flows === 0);
    expect(relays.listener.flows).toBe(0);
    one.send("b");
    await eventually("the second answer", () => one.received.length === 2);
    expect(target.senders.size).toBe(2);
  });

  it("end from the target's side as well", async () => {
    const pass = holdTime();
    const { client, clients, relays } = await setUp({ streams: { idleMs: 60 } });
    const one = await client();
    one.send("a");
    await eventually("the answer", () => one.received.length === 1);
    await pass(200);
    await eventually("the end", () => relays.target.flows === 0 && clients.size === 0);
    expect(relays.listener.flows).toBe(0);
  });

  it("of the client that was silent for longest make room for another client", async () => {
    const { client, clients } = await setUp({ clients: { maxClients: 2 } });
    const all = [await client(), await client(), await client()];
    for (const [at, each] of all.entries()) {
      each.send("a");
      await eventually("the answer", () => all[at]?.received.length === 1);
    }
    expect(clients.size).toBe(2);
    all[2]?.send("b");
    await eventually("the answer", () => all[2]?.received.length === 2);
  });

  it("are tried again a second after no instance served the client", async () => {
    const { client, asked } = await setUp({ refusals: 1 });
    const one = await client();
    one.send("lost");
    await eventually("the refusal", () => asked.length === 1);
    await eventually("an answer", () => {
      one.send("again");
      return one.received.length > 0;
    });
    expect(one.received).not.toContain("lost");
    expect(asked).toHaveLength(2);
  });

  it("survive a target that is not there for a while", async () => {
    const port = await freePort();
    const { client, clients } = await setUp({ targetPort: port });
    const one = await client();
    one.send("lost");
    await eventually("the flow", () => clients.size === 1);
    const back = createSocket("udp4");
    onTestFinished(() => void back.close());
    back.on("message", (payload, from) => back.send(payload, from.port, from.address));
    back.bind(port, "127.0.0.1");
    await once(back, "listening");
    await eventually("an answer", () => {
      one.send("again");
      return one.received.length > 0;
    });
    expect(clients.size).toBe(1);
  });

  it("are refused to a site that has its share of them", async () => {
    const { client, clients } = await setUp({ streams: { maxStreams: 1 } });
    const [one, two] = [await client(), await client()];
    one.send("a");
    await eventually("the answer", () => one.received.length === 1);
    two.send("b");
    await eventually("the second client", () => clients.size === 2);
    one.send("c");
    await eventually("the answer", () => one.received.length === 2);
    expect(two.received).toEqual([]);
  });

  it("do not begin for this connector's own sockets to targets", async () => {
    const loops: string[] = [];
    const own = { hopsOf: () => 0 };
    const { client, clients } = await setUp({
      clients: { own, onLoop: ({ service }) => loops.push(service) },
    });
    const one = await client();
    one.send("a");
    await eventually("the loop", () => loops.length === 1);
    expect(loops).toEqual(["dns"]);
    expect(clients.size).toBe(0);
  });
});

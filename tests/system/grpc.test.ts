/** gRPC between sites: every kind of call over the network, and the calls of one channel over two sites. */
import { once } from "node:events";
import { Metadata, status } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { METHODS, type OutputResponse } from "../support/grpc/definitions.ts";
import { FURTHER_CASES } from "../support/grpc/further-cases.ts";
import { INTEROP_CASES } from "../support/grpc/interop-cases.ts";
import { InteropClient } from "../support/grpc/interop-client.ts";
import { type InteropServer, serveInterop } from "../support/grpc/interop-server.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import type { Place } from "../support/traffic/servers.ts";

const suite = useEdge();
const servers: InteropServer[] = [];
let west: Connector;
let place: Place;
let client: InteropClient;
const connectors: Connector[] = [];
let token: string;

async function offer(site: string): Promise<InteropServer> {
  const server = await serveInterop("127.3.8.1");
  servers.push(server);
  connectors.push(await suite.cluster.connector({ site, token, expose: [`cart=${server.at}/grpc`] }));
  return server;
}

/** Waits until west sees exactly so many sites that offer the service. */
async function sites(count: number): Promise<void> {
  await eventually(`west sees ${count} sites`, async () => {
    const { services } = await west.control.services();
    return services.find(({ name }) => name === "cart")?.sites.length === count;
  });
}

const at = ({ host, port }: Place) => `${host}:${port}`;

beforeAll(async () => {
  const network = await suite.cluster.network(suite.edge);
  token = await network.token({ uses: 3 });
  [west] = await Promise.all([
    suite.cluster.connector({ site: "west", token, bind: "127.2.0.0/16" }),
    offer("east"),
  ]);
  place = await west.listener("cart");
  await sites(1);
  client = new InteropClient(at(place));
});
afterAll(async () => {
  client.close();
  for (const server of servers) await server.close();
});

describe("gRPC calls to another site", () => {
  for (const [name, run] of Object.entries(INTEROP_CASES)) {
    it(`pass the interoperability case ${name}`, () => run(client));
  }

  for (const [name, run] of Object.entries(FURTHER_CASES)) {
    it(`pass the further case ${name}`, () => run(client));
  }

  it("carry compressed messages both ways", async () => {
    const compressing = new InteropClient(at(place), { "grpc.default_compression_algorithm": 2 });
    await INTEROP_CASES.large_unary?.(compressing);
    await INTEROP_CASES.ping_pong?.(compressing);
    compressing.close();
  });

  it("carry binary metadata, several values of one name, and the calling site", async () => {
    const metadata = new Metadata();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    metadata.set("token-bin", bytes);
    metadata.add("tag", "one");
    metadata.add("tag", "two");
    await client.unary(METHODS.emptyCall, {}, { metadata });
    const got = servers[0]?.metadata ?? new Metadata();
    expect(got.get("token-bin")).toEqual([bytes]);
    expect(got.get("tag").join(", ")).toBe("one, two");
    expect(got.get("fairlead-site")).toEqual(["west"]);
  });

  it("are cancelled at the target when the client cancels, or when its deadline passes", async () => {
    const [server] = servers;
    const before = server?.cancelled ?? 0;
    await INTEROP_CASES.cancel_after_first_response?.(client);
    await eventually("the target sees the cancellation", () => (server?.cancelled ?? 0) > before);
    // The call must have reached the target before its deadline, which a slow machine gets more time for.
    for (let ms = 1000; ; ms *= 2) {
      const count = server?.cancelled ?? 0;
      const { call, result } = client.duplex(METHODS.fullDuplexCall, { deadline: Date.now() + ms });
      call.write({ response_parameters: [{ size: 1 }] });
      const { status: end, responses } = await result;
      expect(end.code).toBe(status.DEADLINE_EXCEEDED);
      if (responses.length === 0 && ms < 60_000) continue;
      await eventually("the target sees the deadline", () => (server?.cancelled ?? 0) > count);
      break;
    }
  });

  it("end with the status of a target that ends them, or with the deadline, before the client has ended them", async () => {
    const codes = new Set<number>();
    for (let call = 0; call < 20; call++) {
      const early = client.duplex(METHODS.fullDuplexCall);
      early.call.write({ response_parameters: [{ size: 1 }] });
      await once(early.call, "data");
      early.call.write({ response_status: { code: status.ABORTED, message: "early" } });
      codes.add((await early.result).status.code);
    }
    expect([...codes]).toEqual([status.ABORTED]);
    for (let call = 0; call < 20; call++) {
      const late = client.duplex(METHODS.fullDuplexCall, { deadline: Date.now() + 100 });
      late.call.write({ response_parameters: [{ size: 1 }] });
      codes.add((await late.result).status.code);
    }
    expect([...codes]).toEqual([status.ABORTED, status.DEADLINE_EXCEEDED]);
  });

  it("stream each message as it is written, while the other direction is open", async () => {
    const { call, result } = client.duplex(METHODS.fullDuplexCall);
    for (let size = 1; size <= 20; size++) {
      call.write({ response_parameters: [{ size }] });
      const [response] = (await once(call, "data")) as [OutputResponse];
      expect(response.payload?.body.length).toBe(size);
    }
    call.end();
    expect((await result).responses).toHaveLength(20);
  });

  it("end with UNAVAILABLE while the target is away, and work again with the next target", async () => {
    const [first] = servers;
    const [, port] = first?.at.split(":") ?? [];
    await first?.close();
    const { status: end } = await client.unary(METHODS.emptyCall, {}, { deadline: Date.now() + 60_000 });
    expect(end.code).toBe(status.UNAVAILABLE);
    const next = await serveInterop("127.3.8.1", { port: Number(port) });
    servers[0] = next;
    await eventually("a call works", async () => {
      const { status: now } = await client.unary(METHODS.emptyCall, {}, { deadline: Date.now() + 60_000 });
      return now.code === status.OK;
    });
  });
});

describe("The calls of one gRPC channel", () => {
  it("are split over two equal sites in halves, whichever of them the channel reached first", async () => {
    const second = await offer("north");
    await sites(2);
    const [first] = servers;
    if (first === undefined) throw new Error("There is no first server.");
    const before = [first.calls, second.calls];
    for (let batch = 0; batch < 100; batch++) {
      const calls = Array.from({ length: 10 }, () => client.unary(METHODS.emptyCall, {}));
      for (const { status: end } of await Promise.all(calls)) expect(end.code, end.details).toBe(status.OK);
    }
    const counts = [first, second].map(({ calls }, index) => calls - (before[index] ?? 0));
    expect(counts[0] ?? 0).toBeGreaterThanOrEqual(480);
    expect(counts[0] ?? 0).toBeLessThanOrEqual(520);
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(1000);
  });
});

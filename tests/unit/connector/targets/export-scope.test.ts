/** The connector that owns a service keeps to whom it is for, over a real session and whatever the edge allowed. */
import { once } from "node:events";
import { afterEach, beforeEach, expect, it } from "vitest";
import { HopRules } from "../../../../connector/config/hop-policy.ts";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { Offers } from "../../../../connector/targets/offers.ts";
import { TargetStreams } from "../../../../connector/targets/target-streams.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { TestNetwork } from "../../../support/certificates.ts";
import { type Connector, codeOf, makeConnector, TestRegistry, TestRelay } from "../session/support.ts";
import { temporaryState } from "../support/directories.ts";
import { MemoryLog } from "../support/log.ts";
import { tcpServer } from "../support/sockets.ts";

const network = await TestNetwork.create();
let relay: TestRelay;
let connectors: Connector[];

beforeEach(async () => {
  relay = await TestRelay.start();
  connectors = [];
});
afterEach(async () => {
  await Promise.all(connectors.map(({ manager }) => manager.close()));
  await relay.stop();
});

/** An owner of `db` for west, and of `open` for all; and two peers. */
async function setUp() {
  const { port } = await tcpServer((socket) => void socket.pipe(socket));
  const expose = [{ ...parseExpose(`db=${port}`), to: ["west"] }, parseExpose(`open=${port}`)];
  const offers = await Offers.load(await temporaryState(), expose, new HopRules({ hop: ["db"] }));
  const targetStreams = new TargetStreams(offers, new MemoryLog());
  offers.onChange(() => targetStreams.review());
  const registry = new TestRegistry();
  const make = async (name: string) => {
    const connector = makeConnector(registry, relay, await network.identity(), {
      ...{ name, hop: true },
      opened: (stream, origin) => void targetStreams.serve(stream, origin),
    });
    connectors.push(connector);
    return connector;
  };
  const [owner, west, east] = [await make("owner"), await make("west"), await make("east")];
  const narrow = (to: string[]) => offers.add({ ...parseExpose(`db=${port}`), to });
  return { owner, west, east, narrow };
}

it("refuses a stream to a service that is not for the peer, in a session that is there for another", async () => {
  const { owner, east } = await setUp();
  const allowed = await east.manager.open("open", owner.instance);
  await allowed.accepted;
  for (const encryption of ["end-to-end", "hop"] as const) {
    const refused = await east.manager.open("db", owner.instance, encryption);
    expect(await codeOf(refused.accepted), encryption).toBe("service.not_exported");
  }
  expect(allowed.destroyed).toBe(false);
  allowed.destroy();
});

it("resets open streams of a peer that it is for no more, which hears why; others go on", async () => {
  const { owner, west, east, narrow } = await setUp();
  await narrow(["west", "east"]);
  const streams = [];
  for (const peer of [west, east]) {
    const stream = await peer.manager.open("db", owner.instance);
    await stream.accepted;
    stream.write("hello");
    await once(stream, "data");
    streams.push(stream);
  }
  const [ofWest, ofEast] = streams;
  const failure = new Promise((resolve) => ofEast?.once("error", resolve));
  await narrow(["west"]);
  const error = await failure;
  expect(error).toBeInstanceOf(FairleadError);
  expect(error).toMatchObject({ code: "service.not_exported" });
  ofWest?.write("still");
  expect(String((await once(ofWest ?? fail(), "data"))[0])).toBe("still");
  ofWest?.destroy();
});

function fail(): never {
  throw new Error("missing");
}

/**
 * The edge's operator, with the edge's keys, in place of the router: it cannot read, and what it alters, drops,
 * repeats or swaps is noticed before a wrong byte reaches an application.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { DATA_HEADER, MESSAGE } from "../../protocol/carrier/index.ts";
import { onlySession, session } from "../support/connector/sessions.ts";
import { clearUp, type Ground, lay } from "../support/harm/ground.ts";
import { HarmfulProxy } from "../support/harm/harmful-proxy.ts";
import { Middle } from "../support/harm/middle.ts";
import { HARMS, HOLES, plan, RUDENESS } from "../support/harm/plan.ts";
import { FULL, random, SEED } from "../support/harm/scale.ts";
import { search, textsOf } from "../support/harm/search.ts";
import { eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";

/** What the parties may call it. A lane that only ends is none of these. */
const NOTICED = ["session.tampered", "session.malformed", "session.too_large"];

let middle: Middle;
let ground: Ground;
const proxies: HarmfulProxy[] = [];

beforeAll(async () => {
  ground = await lay(async (cluster, edge) => {
    middle = new Middle(edge);
    const through = async (site: string) => {
      const stateDir = cluster.fresh(site);
      const proxy = await HarmfulProxy.start();
      proxies.push(proxy);
      proxy.detours.set(new URL(edge.gatewayUrl).host, await middle.listen(site, stateDir));
      return { stateDir, env: proxy.env, args: ["--log-level", "debug"] };
    };
    return { west: await through("west"), east: await through("east") };
  });
});

afterEach(() => {
  middle.meddle = null;
});

afterAll(async () => {
  await middle?.close();
  for (const proxy of proxies) await proxy.close();
});
clearUp();

test("the search for a plaintext finds it in every form, across messages and between carrier headers", () => {
  const marker = randomBytes(48);
  const plain = Buffer.concat([Buffer.from("?"), marker, marker]);
  for (const form of [plain, plain.toString("hex"), plain.toString("base64"), plain.toString("base64url")]) {
    const bytes = Buffer.from(form);
    const seen = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => ({
      data: Buffer.concat([Buffer.from([1, 0, 0, at, 0, 0, 0, 0, 0, 0]), bytes.subarray(7 * at, 7 * at + 7)]),
      binary: true,
    }));
    expect(search(marker, textsOf({ lane: "l", from: "west", seen }))).not.toEqual([]);
  }
});

test("a known plaintext never appears in what is relayed, in any form", async () => {
  const server = await serve(echo);
  await ground.east.control.expose({ name: "secrets", host: server.host, port: server.port });
  const place = await ground.west.listener("secrets");
  const marker = randomBytes(48);
  const plain = Buffer.concat(Array.from({ length: 20_000 }, () => marker));
  expect((await exchange(place, plain)).equals(plain)).toBe(true);
  // Small ones, too: a record each.
  for (let each = 0; each < 10; each++) expect((await exchange(place, marker)).equals(marker)).toBe(true);

  const relayed = middle.ways.reduce(
    (sum, { seen }) => sum + seen.reduce((bytes, { data }) => bytes + data.length, 0),
    0,
  );
  expect(relayed, "bytes relayed").toBeGreaterThan(2 * plain.length);
  for (const way of middle.ways) expect(search(marker, textsOf(way))).toEqual([]);
  expect(search(marker, { uplinks: Buffer.concat(middle.uplinks) })).toEqual([]);
  report("privacy", {
    "bytes relayed and searched": relayed,
    messages: middle.ways.flatMap((way) => way.seen).length,
  });
});

/** A session of its own for each harm: the next connection gets one although the last was cut. */
const ROUNDS = FULL ? 10 * HARMS.length : HARMS.length;

test("whatever is done to a message is noticed, named and never delivered", {
  timeout: 300_000,
}, async () => {
  const tally: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round++) {
    const seed = SEED * 10_000 + round;
    const from = random(seed)() < 0.5 ? "west" : "east";
    const streams = await ground.server.open(ground.streams, 3, { bytes: 3000, everyMs: 5 });
    await streams.move();
    const { id } = await onlySession(ground.west);
    const planned = plan(seed, from);
    const about = () => `seed ${seed}: ${planned.harm} from ${from} (${planned.done})`;
    middle.meddle = planned.meddle;
    const ended = () => planned.done !== null && streams.failures.length >= 3;
    await eventually("the session ends", ended).catch((error: Error) => {
      throw new Error(`${about()}: ${error.message}: ${streams.failures.join()}`);
    });
    middle.meddle = null;
    expect(streams.failures.join("\n"), about()).not.toContain("wrong byte");
    const codes = await eventually(`both name the end of ${id}`, () => {
      const found = [ground.west, ground.east].map(
        (side) => side.log().find((line) => line.session === id && line.to === "closed")?.code,
      );
      return found.every((code) => code !== undefined) ? found.map(String) : null;
    });
    const receiver = codes[from === "west" ? 1 : 0] ?? "";
    expect(NOTICED, `${about()}, as the receiver calls it; ${codes}`).toContain(receiver);
    const outcome = `${planned.harm}: ${codes.join(" and ")}`;
    tally[outcome] = (tally[outcome] ?? 0) + 1;
    streams.destroy();
  }
  report("tampering", { rounds: ROUNDS, "west and east said": tally });
});

test("a hole made in the pipe is never jumped, and the sender notices", { skip: !FULL }, async () => {
  for (const at of HOLES.keys()) {
    const streams = await ground.server.open(ground.streams, 3, { bytes: 3000, everyMs: 5 });
    await streams.move();
    const { id } = await onlySession(ground.west);
    const planned = plan(at, "west", HOLES);
    middle.meddle = planned.meddle;
    await eventually("it is done", () => planned.done !== null);
    const begin = performance.now();
    await eventually("the streams end", () => streams.failures.length >= 3);
    const noticed = Math.round(performance.now() - begin);
    middle.meddle = null;
    expect(streams.failures.join()).not.toContain("wrong byte");
    const code = await eventually(
      "west names the end",
      () => ground.west.log().find((line) => line.session === id && line.to === "closed")?.code,
    );
    expect(NOTICED).toContain(code);
    report("tampering", { harm: planned.harm, "west said": code, "after ms": noticed });
    streams.destroy();
  }
});

test("what is only delayed or severed is survived, and so is a lane that carries nonsense", async () => {
  const chance = random(SEED);
  const streams = await ground.server.open(ground.streams, 10, { bytes: 3000, everyMs: 20 });
  await streams.move();
  const { id } = await onlySession(ground.west);
  middle.meddle = async (message) => {
    await sleep(chance() * 10);
    return [message];
  };
  for (let cuts = 0; cuts < (FULL ? 20 : 3); cuts++) {
    await streams.move();
    middle.cut();
  }
  await streams.move();
  const rude = plan(SEED, "east", RUDENESS);
  middle.meddle = rude.meddle;
  await eventually("it is said", () => rude.done !== null);
  await streams.move();
  await streams.finish();
  expect((await onlySession(ground.west)).id).toBe(id);
});

test("a router that lies about what was received is refused, and the session goes on without it", async () => {
  const streams = await ground.server.open(ground.streams, 3, { bytes: 3000, everyMs: 20 });
  await streams.move();
  const { id } = await session(ground.west, "is up", ({ state }) => state === "up");
  let lies = 0;
  middle.meddle = (message, way) => {
    if (message.binary || way.from !== "east" || lies >= 2) return [message];
    const preface: { received: number } = JSON.parse(message.data.toString());
    lies++;
    return [
      { data: Buffer.from(JSON.stringify({ ...preface, received: preface.received - 1 })), binary: false },
    ];
  };
  middle.cut();
  await streams.move();
  expect(lies).toBe(2);
  await streams.finish();
  expect((await onlySession(ground.west)).id).toBe(id);
});

/** Where messages say how much their sender has received. */
const RECEIVED_AT = new Map<number, number>([
  [MESSAGE.ack, 4],
  [MESSAGE.ping, 8],
]);

test("a router that acknowledges what never arrived ends the session, by the right name", async () => {
  const streams = await ground.server.open(ground.streams, 3, { bytes: 3000, everyMs: 5 });
  await streams.move();
  const { id } = await session(ground.west, "is up", ({ state }) => state === "up");
  let sent = 0;
  let forged = false;
  let lane: string | null = null;
  middle.meddle = ({ data, binary }, way) => {
    if (!binary) return [{ data, binary }];
    lane ??= way.lane;
    if (way.lane !== lane) return [{ data, binary }];
    if (way.from === "west") {
      // West believes that these went out. All is kept from east, or it would miss a number.
      if (data[0] === MESSAGE.data) sent = data.readUIntBE(4, 6) + data.length - DATA_HEADER;
      return [];
    }
    // East has nothing new to acknowledge; but it asks for a sign of life, and says what it has with that.
    const at = RECEIVED_AT.get(data[0] ?? 0);
    if (at !== undefined && sent > data.readUIntBE(at, 6)) {
      data.writeUIntBE(sent, at, 6);
      forged = true;
    }
    return [{ data, binary }];
  };
  await eventually("it is forged", () => forged);
  // Everybody dials anew, and what east says it has is less than west remembers.
  middle.cut();
  await eventually("the streams end", () => streams.failures.length >= 3);
  expect(streams.failures.join()).not.toContain("wrong byte");
  const code = await eventually(
    "west names the end",
    () => ground.west.log().find((line) => line.session === id && line.to === "closed")?.code,
  );
  expect(NOTICED).toContain(code);
  report("tampering", { harm: "a forged acknowledgement", "west said": code });
  streams.destroy();
});

/**
 * The edge's operator, with the edge's keys, in place of the router. It cannot read streams. The connectors detect what
 * it alters, drops, repeats or swaps before a wrong byte reaches an application.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { DATA_HEADER, MESSAGE } from "../../protocol/carrier/index.ts";
import { endCodes, onlySession, session } from "../support/connector/sessions.ts";
import { clearUp, type Ground, lay } from "../support/harm/ground.ts";
import { HarmfulProxy } from "../support/harm/harmful-proxy.ts";
import { Middle } from "../support/harm/middle.ts";
import { HARMS, HOLES, plan, RUDENESS } from "../support/harm/plan.ts";
import { FULL, random, SEED } from "../support/harm/scale.ts";
import { search, textsOf } from "../support/harm/search.ts";
import { eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";

/** Waits until west has logged the end of a session. Returns its code. */
const endAtWest = (id: string) => eventually("west names the end", () => endCodes(ground.west, id)[0]);

/** Codes with which a connector may report tampering. The end of a lane alone has none of them. */
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

describe("The search for a plaintext", () => {
  it("finds a plaintext in every encoding, across messages and between carrier headers", () => {
    const marker = randomBytes(48);
    const plain = Buffer.concat([Buffer.from("?"), marker, marker]);
    for (const form of [
      plain,
      plain.toString("hex"),
      plain.toString("base64"),
      plain.toString("base64url"),
    ]) {
      const bytes = Buffer.from(form);
      const seen = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, at) => ({
        data: Buffer.concat([
          Buffer.from([1, 0, 0, at, 0, 0, 0, 0, 0, 0]),
          bytes.subarray(7 * at, 7 * at + 7),
        ]),
        binary: true,
      }));
      expect(search(marker, textsOf({ lane: "l", from: "west", seen }))).not.toEqual([]);
    }
  });
});

describe("The router", () => {
  it("sees no known plaintext in any encoding", async () => {
    const server = await serve(echo);
    await ground.east.control.expose({ name: "secrets", host: server.host, port: server.port });
    const place = await ground.west.listener("secrets");
    const marker = randomBytes(48);
    const plain = Buffer.concat(Array.from({ length: 20_000 }, () => marker));
    expect((await exchange(place, plain)).equals(plain)).toBe(true);
    // Small messages as well, with a record each.
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

  /** Number of harms, each to a session of its own. */
  const ROUNDS = FULL ? 10 * HARMS.length : HARMS.length;

  it("cannot harm a message without an end of the session that names tampering", {
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
        const found = [ground.west, ground.east].map((side) => endCodes(side, id)[0]);
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

  it("cannot make a receiver skip lost bytes, and the sender ends the session", { skip: !FULL }, async () => {
    for (const at of HOLES.keys()) {
      const streams = await ground.server.open(ground.streams, 3, { bytes: 3000, everyMs: 5 });
      await streams.move();
      const { id } = await onlySession(ground.west);
      const planned = plan(at, "west", HOLES);
      middle.meddle = planned.meddle;
      await eventually("the harm is done", () => planned.done !== null);
      const begin = performance.now();
      await eventually("the streams end", () => streams.failures.length >= 3);
      const noticed = Math.round(performance.now() - begin);
      middle.meddle = null;
      expect(streams.failures.join()).not.toContain("wrong byte");
      const code = await endAtWest(id);
      expect(NOTICED).toContain(code);
      report("tampering", { harm: planned.harm, "west said": code, "after ms": noticed });
      streams.destroy();
    }
  });

  it("breaks no stream by delaying messages, cutting lanes or sending nonsense on a lane", async () => {
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
    await eventually("the nonsense is sent", () => rude.done !== null);
    await streams.move();
    await streams.finish();
    expect((await onlySession(ground.west)).id).toBe(id);
  });

  it("breaks no session by lying about received bytes, and only its lane is refused", async () => {
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

  /** Offset of the received count in messages that have one. */
  const RECEIVED_AT = new Map<number, number>([
    [MESSAGE.ack, 4],
    [MESSAGE.ping, 8],
  ]);

  it("ends the session as tampered when it acknowledges bytes that never arrived", async () => {
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
        // West counts these as sent. East gets none of its messages, or it would see a gap in their numbers.
        if (data[0] === MESSAGE.data) sent = data.readUIntBE(4, 6) + data.length - DATA_HEADER;
        return [];
      }
      // East has nothing to acknowledge, but its PING has its received count.
      const at = RECEIVED_AT.get(data[0] ?? 0);
      if (at !== undefined && sent > data.readUIntBE(at, 6)) {
        data.writeUIntBE(sent, at, 6);
        forged = true;
      }
      return [{ data, binary }];
    };
    await eventually("an acknowledgement is forged", () => forged);
    // Both sides dial again, and east reports less than west takes for received.
    middle.cut();
    await eventually("the streams end", () => streams.failures.length >= 3);
    expect(streams.failures.join()).not.toContain("wrong byte");
    const code = await endAtWest(id);
    expect(NOTICED).toContain(code);
    report("tampering", { harm: "a forged acknowledgement", "west said": code });
    streams.destroy();
  });
});

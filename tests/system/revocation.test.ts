/**
 * Revocation, with times, which are printed. Checked streams are open when it happens: some must be reset, and others
 * must continue. Two conspiring members hold a lane and ignore what the registry sends. All of them carry bytes, so that
 * nothing but the revocation ends them.
 */
import type { Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  deleteLink,
  listTokens,
  revokeAccess,
  revokeSite,
  revokeToken,
} from "../../connector/operator/edge-api.ts";
import type { FairleadError } from "../../protocol/errors.ts";
import { Stopwatch, tableOf } from "../support/clock/stopwatch.ts";
import { Conspiracy } from "../support/connector/conspiracy.ts";
import { linkOf, Members } from "../support/connector/members.ts";
import { closeSockets, RawSite } from "../support/connector/raw-site.ts";
import { type Connector, eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { echo, exchange, serve } from "../support/traffic/servers.ts";
import { CheckedServer, type CheckedStreams } from "../support/traffic/streams.ts";

const suite = useEdge();
const rows = new Map<string, ReadonlyMap<string, number>>();
let members: Members;
/** Two of the three sites: other and leaf are linked to hub, and leaf is linked to other. */
let other: Connector;
let leaf: Connector;
let atHub: CheckedServer;
let atOther: CheckedServer;
let left: RawSite;
let right: RawSite;

/** Streams of each kind. */
const STREAMS = 4;
/** Rate of each stream, in both directions. */
const PACE = { bytes: 2000, everyMs: 20 };
/** Columns of the table, in order. */
const CLIENTS = "client streams reset";
const SERVERS = "server streams reset";
const LANE = "conspirators' lane gone at the edge";
const SESSION = "new session or member refused at the edge";
const CONNECTION = "new connection refused at the site";
const SERVICE = "service gone at the site";
const ANSWER = "answer";
const COLUMNS = [CLIENTS, SERVERS, LANE, SESSION, CONNECTION, SERVICE, ANSWER];

beforeAll(async () => {
  members = await Members.create(suite);
  [atHub, atOther] = await Promise.all([CheckedServer.start(), CheckedServer.start()]);
  const plain = await serve(echo);
  [, other, leaf] = await Promise.all([
    members.site("hub", { expose: [`hub=${atHub.at}`, `echo=${plain.at}`], bind: "127.61.0.0/16" }),
    members.site("other", { expose: [`other=${atOther.at}`], bind: "127.62.0.0/16" }),
    members.site("leaf", { bind: "127.63.0.0/16" }),
  ]);
  await members.link(other, "hub");
  await members.link(leaf, "hub");
  await members.link(leaf, "other");
  const token = await members.token("hub", 2);
  left = await RawSite.join(suite.edge, token, "left");
  right = await RawSite.join(suite.edge, token, "right");
});

afterAll(() => {
  console.log(`from the call until …\n${tableOf(COLUMNS, rows)}`);
  closeSockets();
});

const open = async (server: CheckedServer, site: Connector, service: string): Promise<CheckedStreams> => {
  const streams = await server.open(await site.listener(service), STREAMS, PACE);
  await streams.move();
  return streams;
};

const socketsOf = (streams: CheckedStreams, side: "client" | "server") =>
  streams.all.map((stream) => stream[side].socket);

/** Resolves when every socket was reset or closed. */
const gone = (sockets: readonly Socket[]) =>
  Promise.all(
    sockets.map(
      (socket) => socket.destroyed || new Promise<void>((end) => socket.once("close", () => end())),
    ),
  );

/**
 * Opens connections, one after another, until one is not served. Returns when that one was opened: a client that comes
 * between the cut and the end of the offer is held for ten seconds, and then reset.
 */
async function unserved(site: Connector): Promise<number> {
  const place = await site.listener("echo");
  for (;;) {
    const opened = performance.now();
    const served = await exchange(place, "x").then(String, () => null);
    if (served !== "x") return opened;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

interface Case {
  /** Revokes access. Resolves with the answer. */
  readonly act: () => Promise<unknown>;
  /** Streams that must be reset. */
  readonly ending: readonly CheckedStreams[];
  /** Streams that must continue. */
  readonly staying: readonly CheckedStreams[];
  /** The site that loses the services of `hub`. */
  readonly loser: Connector;
  readonly conspiracy: Conspiracy;
}

/** Measures the times of one revocation, and checks its effects. */
async function take(what: string, { act, ending, staying, loser, conspiracy }: Case): Promise<Stopwatch> {
  const clock = new Stopwatch();
  const sockets = (side: "client" | "server") => gone(ending.flatMap((streams) => socketsOf(streams, side)));
  const waits = [
    clock.when(CLIENTS, sockets("client")),
    clock.when(SERVERS, sockets("server")),
    clock.when(LANE, conspiracy.ended()),
    clock.when(SESSION, conspiracy.refused()),
    clock.at(CONNECTION, unserved(loser)),
    clock.when(SERVICE, loser.without("hub", { every: 5 })),
  ] as const;
  // Every stream and the conspirators' lane carry bytes before the revocation.
  const before = conspiracy.received;
  await Promise.all(staying.map((streams) => streams.move()));
  await eventually("the conspirators' lane carries", () => conspiracy.received > before);

  clock.start();
  await clock.when(ANSWER, act());
  await Promise.all(waits);
  rows.set(what, clock.times);

  for (const streams of staying) await streams.move();
  expect(staying.flatMap((streams) => streams.failures)).toEqual([]);
  // The reset streams carried no wrong byte before the reset.
  for (const failure of ending.flatMap((streams) => streams.failures)) expect(failure).not.toContain("wrong");
  // The conspirators may have uplinks, but no ticket and no request joins them again.
  expect(await conspiracy.retry()).toMatchObject({ kind: "refused" });
  return clock;
}

describe("fairlead revoke-access --issuer", () => {
  it("cuts sites that only the issuer's links connected, also conspirators, and no others", async () => {
    const conspiracy = await Conspiracy.begin(left, right);
    const staying = await open(atOther, leaf, "other");
    const ending = [await open(atHub, leaf, "hub"), await open(atHub, other, "hub")];
    const act = () => revokeAccess(suite.edge.client, members.network.id, { issuer: "hub", all: false });
    await take("revoke-access", { act, ending, staying: [staying], loser: leaf, conspiracy });
    expect(await conspiracy.refused()).toBe("session.forbidden");
    expect(await conspiracy.resume()).toBe("session.revoked");
    await linkOf(leaf, "link1", ({ code }) => code === "link.revoked");
    await staying.finish();
  });
});

describe("fairlead link delete", () => {
  it("cuts sites that only this link connected, and no others", async () => {
    await members.link(other, "hub");
    const token = await members.token("hub", 2);
    await left.redeem(token);
    const made = await right.redeem(token);
    const conspiracy = await Conspiracy.begin(left, right);
    // The path leads over other, to which leaf still has a link.
    const ending = [await open(atHub, leaf, "hub"), await open(atOther, leaf, "other")];
    const staying = await open(atHub, other, "hub");
    const act = () =>
      Promise.all([
        leaf.control.unlink("link2"),
        deleteLink(suite.edge.client, members.network.id, made.link?.id ?? ""),
      ]);
    await take("link delete", { act, ending, staying: [staying], loser: leaf, conspiracy });
    await leaf.without("other");
    expect((await leaf.control.links()).links.map(({ name }) => name)).toEqual(["link1"]);
    await staying.finish();
  });
});

describe("fairlead site revoke", () => {
  it("expels exactly the revoked sites, also conspirators", async () => {
    await members.link(leaf, "hub");
    await right.redeem(await members.token("hub"));
    const conspiracy = await Conspiracy.begin(left, right);
    const ending = [await open(atHub, leaf, "hub"), await open(atOther, leaf, "other")];
    const staying = await open(atHub, other, "hub");
    const revoke = (site: string) => revokeSite(suite.edge.client, members.network.id, site);
    const act = () => Promise.all(["leaf", "left", "right"].map(revoke));
    // A revoked site loses its uplink and gets no notice, but its connections are reset.
    await take("site revoke", { act, ending, staying: [staying], loser: leaf, conspiracy });
    expect(await left.dialUplink()).toMatchObject({ kind: "refused", code: "site.revoked" });
    await leaf.logged({ code: "site.revoked" });
    const { sites } = await members.network.status();
    expect(Object.fromEntries(sites.map(({ name, state }) => [name, state]))).toEqual({
      ...{ hub: "up", other: "up", leaf: "revoked", left: "revoked", right: "revoked" },
    });
    await staying.finish();
  });
});

describe("fairlead token revoke", () => {
  it("ends the token, and keeps the links that it made", async () => {
    const token = await members.token("hub", 3);
    const joined = await RawSite.join(suite.edge, token, "early");
    const staying = await open(atHub, other, "hub");
    const tokens = await listTokens(suite.edge.client, members.network.id);
    const made = tokens.find(({ uses, used }) => uses === 3 && used === 1);
    const clock = new Stopwatch();
    await clock.when(ANSWER, revokeToken(suite.edge.client, members.network.id, made?.id ?? ""));
    const late = RawSite.join(suite.edge, token, "late").catch(({ code }: FairleadError) => code);
    expect(await clock.when(SESSION, late)).toBe("token.revoked");
    rows.set("token revoke", clock.times);
    await staying.move();
    await staying.finish();
    expect(staying.failures).toEqual([]);
    const { links } = await members.network.status();
    expect(links.find(({ id }) => id === joined.admission.link?.id)?.code).not.toBe("link.revoked");
  });
});

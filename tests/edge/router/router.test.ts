import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeId } from "../../../protocol/ids.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { issueTicket, type Ticket, verifyTicket } from "../../../workers/authority/ticket.ts";
import { routerName } from "../../../workers/router/router-name.ts";
import { random } from "../../support/authority/test-site.ts";
import { call, createNetwork } from "../../support/workerd/client.ts";
import { dialTicket, openLane, refusal } from "../../support/workerd/lane.ts";
import {
  admit,
  events,
  exists,
  hangUpAll,
  type Line,
  offer,
  TestUplink,
} from "../../support/workerd/member.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

let west: TestUplink;
let east: TestUplink;
let mine: Invitation;
let theirs: Invitation;

async function bring(from: TestUplink, to: TestUplink, service: string): Promise<[Invitation, Invitation]> {
  const grant = await from.request(to, service);
  if (typeof grant === "string") throw new Error(grant);
  return [grant, (await to.next("session.offer")).invitation];
}

beforeEach(async () => {
  await createNetwork("shop");
  west = await TestUplink.open(await admit("shop", "west"));
  east = await TestUplink.open(await admit("shop", "east"), { offers: [offer("api")] });
  [mine, theirs] = await bring(west, east, "api");
});
afterEach(async () => {
  hangUpAll();
  await resetEdge();
});

const both = async (): Promise<[Line, Line]> => {
  const first = await openLane(west, mine);
  return [first, await openLane(east, theirs)];
};
const text = (wanted: string) => (data: string | ArrayBuffer) => (data === wanted ? data : null);
const binary = (data: string | ArrayBuffer) => (typeof data === "string" ? null : new Uint8Array(data));

/** A ticket as the registry issues it, with changes. */
async function altered(invitation: Invitation, changes: Partial<Ticket>): Promise<string> {
  const deploymentCaKey = env.DEPLOYMENT_CA_KEY;
  const ticket = await verifyTicket(invitation.ticket, { deploymentCaKey, now: Date.now() });
  return issueTicket({ ...ticket, ...changes }, deploymentCaKey);
}

describe("a lane", () => {
  it("carries text and binary messages of up to a mebibyte both ways, unchanged", async () => {
    const [left, right] = await both();
    left.socket.send("hello");
    right.socket.send("hello yourself");
    await right.take("text", text("hello"));
    await left.take("text", text("hello yourself"));
    for (const size of [0, 1, 65_536, 1_048_576]) {
      const sent = new Uint8Array(size);
      for (let at = 0; at < size; at += 65_536) {
        crypto.getRandomValues(sent.subarray(at, Math.min(size, at + 65_536)));
      }
      for (const [from, to] of [
        [left, right],
        [right, left],
      ] as const) {
        from.socket.send(sent);
        const got = await to.take(`${size} bytes`, binary);
        expect(Buffer.compare(Buffer.from(got), Buffer.from(sent))).toBe(0);
      }
    }
  });

  it("keeps the order of many messages", async () => {
    const [left, right] = await both();
    for (let index = 0; index < 1000; index++) left.socket.send(String(index));
    await right.take("the last", text("999"));
    expect(right.received).toEqual(Array.from({ length: 999 }, (_, index) => String(index)));
  });

  it("delivers what the first side sent before the second joined", async () => {
    const left = await openLane(west, mine);
    left.socket.send("early");
    const right = await openLane(east, theirs);
    await right.take("text", text("early"));
  });

  it("forwards a close of either side with its code and reason", async () => {
    const [left, right] = await both();
    left.socket.close(4123, "enough");
    expect(await right.closed).toEqual({ code: 4123, reason: "enough" });
    const [next, answer] = await newSession();
    const [one, two] = [await openLane(west, next), await openLane(east, answer)];
    two.socket.close(1000, "done");
    expect(await one.closed).toEqual({ code: 1000, reason: "done" });
  });

  const newSession = async (): Promise<[Invitation, Invitation]> => {
    const { session, generation } = mine;
    west.send({ type: "session.ended", session, generation, code: "session.closed" });
    return bring(west, east, "api");
  };

  it("is closed after ten seconds without its other side, whose later dial is refused", async () => {
    const started = Date.now();
    const left = await openLane(west, mine);
    expect(await left.closed).toEqual({ code: 4504, reason: "lane.unmet" });
    expect(Date.now() - started).toBeGreaterThan(9_500);
    expect(await refusal(east, theirs.ticket)).toEqual([504, "lane.unmet"]);
    expect(await refusal(west, mine.ticket)).toEqual([409, "ticket.replayed"]);
  });
});

describe("a ticket", () => {
  it("is refused to another site, with an event, and to another process of the same site", async () => {
    expect(await refusal(east, mine.ticket)).toEqual([403, "ticket.wrong_site"]);
    const replica = await TestUplink.open(west.member);
    expect(await refusal(replica, mine.ticket)).toEqual([403, "ticket.wrong_site"]);
    expect(await events("shop", "uplink.refused")).toContainEqual(
      expect.objectContaining({ site: "east", code: "ticket.wrong_site" }),
    );
    // The ticket is still valid for its own site.
    await openLane(west, mine);
  });

  it("is refused for a side that was dialled before, and the other side still joins", async () => {
    const left = await openLane(west, mine);
    expect(await refusal(west, mine.ticket)).toEqual([409, "ticket.replayed"]);
    const right = await openLane(east, theirs);
    left.socket.send("through");
    await right.take("text", text("through"));
    expect(await events("shop", "uplink.refused")).toContainEqual(
      expect.objectContaining({ site: "west", code: "ticket.replayed" }),
    );
  });

  it("is refused for a third dial of either side, and the lane stays open", async () => {
    const [left, right] = await both();
    expect(await refusal(west, mine.ticket)).toEqual([409, "lane.taken"]);
    expect(await refusal(east, theirs.ticket)).toEqual([409, "lane.taken"]);
    left.socket.send("still here");
    await right.take("text", text("still here"));
  });

  it("is refused for another generation, an ended session and an unknown session", async () => {
    expect(await refusal(west, await altered(mine, { generation: 2 }))).toEqual([409, "ticket.stale"]);
    const session = makeId("session", random());
    expect(await refusal(west, await altered(mine, { session }))).toEqual([409, "ticket.stale"]);
    west.send({ type: "session.ended", session: mine.session, generation: 1, code: "session.closed" });
    await west.settle();
    expect(await refusal(east, theirs.ticket)).toEqual([409, "ticket.stale"]);
  });

  it("is refused once it has expired", async () => {
    const ticket = await altered(mine, { expires: Date.now() - 1 });
    expect(await refusal(west, ticket)).toEqual([403, "ticket.expired"]);
  });

  it("is refused when any part of it was altered or cut", async () => {
    const { ticket } = mine;
    const [body = "", mac = ""] = ticket.split(".");
    const other = (character = "") => (character === "A" ? "B" : "A");
    const changed = [
      `${other(body[0])}${body.slice(1)}.${mac}`,
      `${body}.${other(mac[0])}${mac.slice(1)}`,
      body,
      `${body}.`,
      ticket.slice(0, -1),
      `${ticket}.x`,
      "x",
    ];
    for (const wrong of changed) expect(await refusal(west, wrong)).toEqual([403, "ticket.invalid"]);
  });

  it("is refused for another network, even to a site with the same role there", async () => {
    await createNetwork("other");
    const stranger = await TestUplink.open(await admit("other", "west"));
    expect(await refusal(stranger, mine.ticket)).toEqual([403, "ticket.wrong_site"]);
    const { siteId: site } = stranger.member;
    const forged = await altered(mine, { site, boot: stranger.boot });
    expect(await refusal(stranger, forged)).toEqual([403, "ticket.wrong_site"]);
  });

  it("is refused for two sites that no link connects", async () => {
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect(await refusal(west, mine.ticket)).toEqual([409, "ticket.stale"]);
    expect(await refusal(east, theirs.ticket)).toEqual([403, "site.revoked"]);
  });

  it("is refused before a router is created for it", async () => {
    const peer = makeId("site", random());
    const ticket = await altered(mine, { session: makeId("session", random()), peer });
    expect(await refusal(west, ticket)).toEqual([409, "ticket.stale"]);
    const { networkId, siteId } = west.member;
    expect(await exists(env.ROUTER, routerName(networkId, siteId, peer))).toBe(false);
  });
});

describe("the revocation of a site", () => {
  it("cuts both ends of its lanes, and no lanes of other pairs", async () => {
    const [left, right] = await both();
    const north = await TestUplink.open(await admit("shop", "north"), { offers: [offer("db")] });
    const [one, two] = await bring(west, north, "db");
    const untouched = [await openLane(west, one), await openLane(north, two)] as const;
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect((await left.closed).code).toBe(1006);
    expect((await right.closed).code).toBe(1006);
    untouched[0].socket.send("on");
    await untouched[1].take("text", text("on"));
    untouched[1].socket.send("and on");
    await untouched[0].take("text", text("and on"));
  });

  it("cuts a lane even when its session was reported as ended", async () => {
    const [left, right] = await both();
    east.send({ type: "session.ended", session: mine.session, generation: 1, code: "session.closed" });
    await east.settle();
    left.socket.send("it is not");
    await right.take("text", text("it is not"));
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect((await left.closed).code).toBe(1006);
    expect((await right.closed).code).toBe(1006);
  });

  it("ends a waiting side", async () => {
    const left = await openLane(west, mine);
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    expect((await left.closed).code).toBe(1006);
    expect((await dialTicket(west, mine.ticket)).status).toBe(409);
  });
});

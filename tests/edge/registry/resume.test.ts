import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { makeId } from "../../../protocol/ids.ts";
import { TIME_LIMITS } from "../../../protocol/time-limits.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { SESSION_PENDING_MS } from "../../../workers/registry/policy/sessions.ts";
import { routerName } from "../../../workers/router/router-name.ts";
import { random } from "../../support/authority/test-site.ts";
import { call } from "../../support/workerd/client.ts";
import { expectJoined, openLane, refusal } from "../../support/workerd/lane.ts";
import {
  admit,
  events,
  granted,
  type Member,
  offer,
  registryOf,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";
import { alterUplinks, runSql } from "../../support/workerd/stored.ts";

let west: Member;
let east: Member;
let consumer: TestUplink;
let provider: TestUplink;
let mine: Invitation;
let theirs: Invitation;

beforeEach(async () => {
  ({ west, east, consumer, provider } = await openBusyShop());
  mine = await granted(consumer.request(provider, "api"));
  theirs = (await provider.next("session.offer")).invitation;
});
afterEach(closeShop);

const sql = (statement: string, ...values: (string | number)[]) => runSql(west, statement, ...values);
const stored = () => sql("SELECT id, generation FROM sessions");
const routerOf = () => env.ROUTER.getByName(routerName(west.networkId, west.siteId, east.siteId));
/** Ends the pending time of the present generation. */
const settleGeneration = () => sql("UPDATE sessions SET granted_at = granted_at - ?", SESSION_PENDING_MS);

async function leave(uplink: TestUplink): Promise<void> {
  uplink.socket.close(1000);
  await uplink.closed;
}

/** Restarts the edge: all sockets and all memory are lost. */
async function restartEdge(): Promise<void> {
  await evictDurableObject(registryOf(west), { webSockets: "close" });
  // A router with a joined lane is never evicted. Aborting it has the same effect on memory and sockets.
  await Promise.resolve(routerOf().cut()).catch(() => undefined);
}

/** Both sides return with the sessions that they hold. */
async function comeBack(sessions: string[] = [mine.session]): Promise<void> {
  consumer = await TestUplink.open(west, { sessions }, consumer.boot);
  provider = await TestUplink.open(east, { offers: [offer("api")], sessions }, provider.boot);
}

/** Resumes, and joins both ends of the new lane. */
async function resumeAndJoin(from: TestUplink, to: TestUplink, last: Invitation): Promise<Invitation> {
  const next = await granted(from.resume(last));
  const { invitation } = await to.next("session.offer");
  expect([invitation.session, invitation.generation]).toEqual([next.session, next.generation]);
  await expectJoined(await openLane(from, next), await openLane(to, invitation));
  return next;
}

describe("a session whose process was replaced by another", () => {
  it("is cut at its peer, which would wait for lanes in vain", async () => {
    await leave(provider);
    const successor = await TestUplink.open(east, { offers: [offer("api")] });
    expect(successor.boot).not.toBe(provider.boot);
    expect(await consumer.next("session.cut")).toMatchObject({
      session: mine.session,
      code: "session.unknown",
    });
    expect(await stored()).toEqual([]);
    expect(await consumer.resume(mine)).toBe("session.unknown");
  });
});

describe("a session whose process ended silently", () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => {
    vi.useRealTimers();
  });
  const later = (ms: number) => vi.setSystemTime(Date.now() + ms);

  it("ends at its peer after the grace, and at the process itself if it returns later", async () => {
    await leave(provider);
    expect(await consumer.resume(mine)).toBe("session.peer_offline");
    later(TIME_LIMITS.absence.least);
    expect(await consumer.resume(mine)).toBe("session.peer_gone");
    expect(await stored()).toEqual([]);
    expect(await consumer.resume(mine)).toBe("session.peer_gone");
    provider = await TestUplink.open(east, { sessions: [mine.session] }, provider.boot);
    expect(await provider.next("session.cut")).toMatchObject({
      session: mine.session,
      code: "session.peer_gone",
    });
  });

  it("ends after the grace as well for a peer that replaced its uplink meanwhile", async () => {
    await leave(provider);
    consumer = await TestUplink.open(west, { sessions: [mine.session] }, consumer.boot);
    later(TIME_LIMITS.absence.least);
    expect(await consumer.resume(mine)).toBe("session.peer_gone");
  });

  it("survives if the process returns within its grace, with a whole grace the next time", async () => {
    await leave(provider);
    expect(await consumer.resume(mine)).toBe("session.peer_offline");
    later(TIME_LIMITS.absence.least - 1000);
    provider = await TestUplink.open(east, { sessions: [mine.session] }, provider.boot);
    later(TIME_LIMITS.absence.least);
    expect((await resumeAndJoin(consumer, provider, mine)).generation).toBe(2);
    await leave(provider);
    expect(await consumer.resume({ ...mine, generation: 2 })).toBe("session.peer_offline");
  });

  it("survives while nothing proves its end: a silent process, or a restarted edge", async () => {
    await alterUplinks(west, { openedAt: Date.now() - 3600_000 }, `site:${east.siteId}`);
    expect(await consumer.resume(mine)).toBe("session.peer_offline");
    expect(await provider.closed).toMatchObject({ reason: "uplink.lost" });
    later(TIME_LIMITS.absence.least);
    expect(await consumer.resume(mine)).toBe("session.peer_offline");
    await restartEdge();
    consumer = await TestUplink.open(west, { sessions: [mine.session] }, consumer.boot);
    later(TIME_LIMITS.absence.least);
    expect(await consumer.resume(mine)).toBe("session.peer_offline");
    expect(await stored()).toHaveLength(1);
  });

  it("survives for a peer that lost its own uplink too: the path or the edge may have ended both", async () => {
    await leave(provider);
    await leave(consumer);
    later(10);
    consumer = await TestUplink.open(west, { sessions: [mine.session] }, consumer.boot);
    later(TIME_LIMITS.absence.least);
    expect(await consumer.resume(mine)).toBe("session.peer_offline");
  });
});

describe("a session that lost its lane", () => {
  it("gets a lane of the next generation, offered to its peer, which works beside the old one", async () => {
    const [left, right] = [await openLane(consumer, mine), await openLane(provider, theirs)];
    await expectJoined(left, right);
    const next = await granted(consumer.resume(mine));
    const { invitation: offered } = await provider.next("session.offer");
    expect(next).toMatchObject({ session: mine.session, generation: 2, lane: 0, peer: mine.peer });
    expect(offered).toMatchObject({ session: mine.session, generation: 2, lane: 0, peer: theirs.peer });
    const [one, two] = [await openLane(consumer, next), await openLane(provider, offered)];
    await expectJoined(one, two, 1_000_000);
    await expectJoined(left, right);
    expect(await stored()).toEqual([{ id: mine.session, generation: 2 }]);
  });

  it("can be resumed by either side repeatedly, also by one that missed a generation", async () => {
    let last = await resumeAndJoin(provider, consumer, theirs);
    last = await resumeAndJoin(consumer, provider, last);
    expect(last.generation).toBe(3);
    await settleGeneration();
    expect((await resumeAndJoin(provider, consumer, theirs)).generation).toBe(4);
  });

  it("is resumed as one generation by both sides at once", async () => {
    await settleGeneration();
    const [one, two] = await Promise.all([granted(consumer.resume(mine)), granted(provider.resume(theirs))]);
    expect([one.generation, two.generation]).toEqual([2, 2]);
    await expectJoined(await openLane(consumer, one), await openLane(provider, two));
    expect(await stored()).toEqual([{ id: mine.session, generation: 2 }]);
  });

  it("gets the same generation again after a lost answer, with valid tickets", async () => {
    // A request joins a generation for some seconds after its grant.
    stopClock();
    const lost = await granted(consumer.resume(mine));
    const again = await granted(consumer.resume(mine));
    expect(again.generation).toBe(lost.generation);
    const { invitation } = await provider.next("session.offer");
    await expectJoined(await openLane(consumer, again), await openLane(provider, invitation));
    expect(provider.waiting("session.offer")).toEqual([]);
  });

  it("records no event", async () => {
    const before = await events("shop");
    await resumeAndJoin(consumer, provider, mine);
    expect(await events("shop")).toEqual(before);
  });
});

describe("a resumption survives", () => {
  it("a hibernated or restarted registry between grant, dial and the next resumption", async () => {
    const next = await granted(consumer.resume(mine));
    await evictDurableObject(registryOf(west), { webSockets: "hibernate" });
    const { invitation } = await provider.next("session.offer");
    await expectJoined(await openLane(consumer, next), await openLane(provider, invitation));
    await evictDurableObject(registryOf(west), { webSockets: "hibernate" });
    expect((await resumeAndJoin(provider, consumer, invitation)).generation).toBe(3);
  });

  it("a repeatedly restarted edge, whichever side returns first", async () => {
    let last = mine;
    const [left, right] = [await openLane(consumer, mine), await openLane(provider, theirs)];
    await expectJoined(left, right);
    for (let round = 0; round < 3; round++) {
      await restartEdge();
      expect([(await left.closed).code, (await right.closed).code]).toEqual([1006, 1006]);
      // Overdue work runs before any instance has returned.
      await runDurableObjectAlarm(registryOf(west));
      consumer = await TestUplink.open(west, { sessions: [mine.session] }, consumer.boot);
      expect(await consumer.resume(last)).toBe("session.peer_offline");
      provider = await TestUplink.open(
        east,
        { offers: [offer("api")], sessions: [mine.session] },
        provider.boot,
      );
      last = await resumeAndJoin(round % 2 ? consumer : provider, round % 2 ? provider : consumer, last);
      expect(last.generation).toBe(round + 2);
    }
    await restartEdge();
    await comeBack();
    await settleGeneration();
    const [one, two] = await Promise.all([granted(provider.resume(last)), granted(consumer.resume(last))]);
    expect(one.generation).toBe(two.generation);
    await expectJoined(await openLane(provider, one), await openLane(consumer, two));
  });

  it("a peer without uplink: the requester can retry, and nothing is used up", async () => {
    await leave(provider);
    for (let tries = 0; tries < 3; tries++) expect(await consumer.resume(mine)).toBe("session.peer_offline");
    expect(await stored()).toEqual([{ id: mine.session, generation: 1 }]);
    provider = await TestUplink.open(east, { sessions: [mine.session] }, provider.boot);
    expect((await resumeAndJoin(consumer, provider, mine)).generation).toBe(2);
  });

  it("a replica of the peer's site that starts while the peer is up", async () => {
    await TestUplink.open(east, { offers: [offer("api")] });
    expect((await resumeAndJoin(consumer, provider, mine)).generation).toBe(2);
  });

  it("a request of an older connector without lanes and mode, which joins it", async () => {
    expect(await sql("SELECT encryption, lanes FROM sessions")).toEqual([
      { encryption: "end-to-end", lanes: 1 },
    ]);
    const old = {
      type: "session.request",
      id: 7,
      service: "api",
      peer: { site: east.siteId, boot: provider.boot },
    };
    consumer.send(old);
    expect((await consumer.next("session.grant")).invitation).toMatchObject({
      session: mine.session,
      lane: 0,
      ticket: expect.any(String),
      lanes: 1,
    });
  });
});

describe("the registry, at a resumption", () => {
  it("refuses a session that never existed, another site's, and a generation that never existed as unknown", async () => {
    const session = makeId("session", random());
    expect(await consumer.resume({ session, generation: 1 })).toBe("session.unknown");
    const stranger = await TestUplink.open(await admit("shop", "north"));
    expect(await stranger.resume(mine)).toBe("session.unknown");
    expect(await (await TestUplink.open(west)).resume(mine)).toBe("session.unknown");
    expect(await consumer.resume({ ...mine, generation: 2 })).toBe("session.unknown");
    expect(await stored()).toEqual([{ id: mine.session, generation: 1 }]);
  });

  it("refuses a session that either side ended as unknown", async () => {
    const { session, generation } = theirs;
    provider.send({ type: "session.ended", session, generation, code: "session.closed" });
    await provider.settle();
    expect(await consumer.resume(mine)).toBe("session.unknown");
    expect(consumer.waiting("session.cut")).toEqual([]);
  });

  it("refuses a session as unknown after the peer said bye", async () => {
    provider.send({ type: "bye" });
    await leave(provider);
    expect(await consumer.resume(mine)).toBe("session.unknown");
  });

  it("refuses a session as unknown after another process replaced the peer's, even for a peer without offers", async () => {
    await leave(provider);
    await leave(consumer);
    await TestUplink.open(west);
    provider = await TestUplink.open(east, { sessions: [mine.session] }, provider.boot);
    expect(await provider.resume(theirs)).toBe("session.unknown");
  });

  it("refuses a session as unknown after the peer's process returned without it", async () => {
    await settleGeneration();
    await leave(provider);
    provider = await TestUplink.open(east, { offers: [offer("api")] }, provider.boot);
    expect(await consumer.resume(mine)).toBe("session.unknown");
  });

  it("refuses a cut session with the code of the cut, which an absent instance learns at its hello", async () => {
    await leave(consumer);
    await call("POST", "/v1/networks/shop/sites/east/revoke");
    consumer = await TestUplink.open(west, { sessions: [mine.session] }, consumer.boot);
    expect(await consumer.next("session.cut")).toMatchObject({
      session: mine.session,
      code: "session.revoked",
    });
    expect(await consumer.resume(mine)).toBe("session.revoked");
    await call("DELETE", "/v1/networks/shop/sites/east");
    expect(await consumer.resume(mine)).toBe("session.revoked");
  });

  it("refuses a session as forbidden when no link connects its sites", async () => {
    await sql("DELETE FROM links WHERE joiner = ?", east.siteId);
    expect(await consumer.resume(mine)).toBe("session.forbidden");
    expect(await provider.resume(theirs)).toBe("session.forbidden");
  });
});

describe("a side that is invited to a session that its configuration does not allow", () => {
  it("reports this, and its peer is notified at once", async () => {
    const next = await granted(consumer.resume(mine));
    const { session, generation } = (await provider.next("session.offer")).invitation;
    expect(next.session).toBe(session);
    provider.send({ type: "session.ended", session, generation, code: "session.forbidden" });
    expect(await consumer.next("session.cut")).toMatchObject({ session, code: "session.forbidden" });
    expect(await stored()).toEqual([]);
  });
});

describe("a side that does not know the session that it is invited to", () => {
  it("reports this, and its peer is notified at once", async () => {
    const next = await granted(consumer.resume(mine));
    const { session, generation } = (await provider.next("session.offer")).invitation;
    provider.send({ type: "session.ended", session, generation, code: "session.unknown" });
    expect(await consumer.next("session.cut")).toEqual({
      type: "session.cut",
      session,
      code: "session.unknown",
    });
    expect(await refusal(consumer, next.ticket)).toEqual([409, "ticket.stale"]);
    expect(await stored()).toEqual([]);
  });

  it("is offered it again if the offer was lost with its uplink", async () => {
    await leave(provider);
    provider = await TestUplink.open(east, { offers: [offer("api")] }, provider.boot);
    const { invitation } = await provider.next("session.offer");
    expect([invitation.session, invitation.generation]).toEqual([mine.session, 1]);
    await expectJoined(await openLane(consumer, mine), await openLane(provider, invitation));
  });
});

describe("lanes of older generations", () => {
  it("are refused with their tickets, and closed at once while they wait", async () => {
    const waiting = await openLane(consumer, mine);
    const next = await granted(consumer.resume(mine));
    expect(await refusal(provider, theirs.ticket)).toEqual([409, "ticket.stale"]);
    const newer = await openLane(consumer, next);
    // Closed at once: a lane whose peer does not come is closed with another code.
    expect(await waiting.closed).toEqual({ code: 4409, reason: "ticket.stale" });
    const { invitation } = await provider.next("session.offer");
    await expectJoined(newer, await openLane(provider, invitation));
  });
});

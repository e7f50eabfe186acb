import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { Instance, type Invitation } from "../../../protocol/uplink/messages.ts";
import { issueTicket, verifyTicket } from "../../../workers/authority/ticket.ts";
import { expectJoined, openLane, refusal } from "../../support/workerd/lane.ts";
import { admit, granted, type Member, offer, TestUplink } from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

let east: Member;
let consumer: TestUplink;
let provider: TestUplink;

beforeEach(async () => {
  const offers = [offer("api"), { ...offer("video"), encryption: "hop" as const }];
  ({ east, consumer, provider } = await openBusyShop({ east: offers }));
});
afterEach(closeShop);

async function bring(
  service: string,
  options: Parameters<TestUplink["request"]>[2] = {},
): Promise<[Invitation, Invitation]> {
  const mine = await granted(consumer.request(provider, service, options));
  return [mine, (await provider.next("session.offer")).invitation];
}

/** The ticket of an invitation, changed to another lane. */
async function withLane(invitation: Invitation, lane: number): Promise<string> {
  const deploymentCaKey = env.DEPLOYMENT_CA_KEY;
  const ticket = await verifyTicket(invitation.ticket, { deploymentCaKey, now: Date.now() });
  return issueTicket({ ...ticket, lane }, deploymentCaKey);
}

describe("a session with several lanes", () => {
  it("gets as many as requested, with a ticket for each, and each carries its own bytes", async () => {
    const [mine, theirs] = await bring("api", { lanes: 3 });
    for (const invitation of [mine, theirs]) {
      expect(invitation.lanes).toBe(3);
      expect(new Set(invitation.tickets).size).toBe(3);
      expect(invitation.ticket).toBe(invitation.tickets?.[0]);
    }
    const left = await Promise.all([2, 0, 1].map((lane) => openLane(consumer, mine, lane)));
    const right = await Promise.all([2, 0, 1].map((lane) => openLane(provider, theirs, lane)));
    for (const [index, end] of left.entries()) {
      const other = right[index];
      if (!other) throw new Error("an end is missing");
      await expectJoined(end, other);
    }
    expect([...left, ...right].flatMap(({ received }) => received)).toEqual([]);
  });

  it("can lose one lane without the others", async () => {
    const [mine, theirs] = await bring("api", { lanes: 2 });
    const first = [await openLane(consumer, mine, 0), await openLane(provider, theirs, 0)] as const;
    const second = [await openLane(consumer, mine, 1), await openLane(provider, theirs, 1)] as const;
    first[0].socket.close(1000, "parked");
    expect(await first[1].closed).toEqual({ code: 1000, reason: "parked" });
    await expectJoined(...second);
  });

  it("has at most eight, and one by default", async () => {
    const [mine, theirs] = await bring("api", { lanes: 100 });
    expect([mine.tickets?.length, theirs.tickets?.length]).toEqual([8, 8]);
    const other = await TestUplink.open(east, { offers: [offer("api")] });
    expect((await granted(consumer.request(other, "api"))).tickets).toHaveLength(1);
  });

  it("keeps its number in a resumption that asks for fewer or for none, and adds lanes that one asks for", async () => {
    const [mine] = await bring("api", { lanes: 2 });
    const next = await granted(consumer.resume(mine));
    expect((await provider.next("session.offer")).invitation.lanes).toBe(2);
    expect(next.lanes).toBe(2);
    expect((await granted(consumer.resume(next, { lanes: 1 }))).lanes).toBe(2);
    const more = await granted(consumer.resume({ ...next, generation: 3 }, { lanes: 4 }));
    expect(more.lanes).toBe(4);
    // A joining request gets the granted number of lanes.
    expect((await granted(provider.resume(next, { lanes: 1 }))).lanes).toBe(4);
  });

  it("refuses lanes beyond those granted", async () => {
    const [mine] = await bring("api", { lanes: 2 });
    expect(await refusal(consumer, await withLane(mine, 2))).toEqual([403, "ticket.invalid"]);
    const next = await granted(consumer.resume(mine));
    expect(await refusal(consumer, await withLane(next, 2))).toEqual([403, "ticket.invalid"]);
    expect(await refusal(consumer, mine.tickets?.[1] ?? "")).toEqual([409, "ticket.stale"]);
  });
});

describe("hop encryption", () => {
  it("is visible with the service, and its change is announced", async () => {
    const other = await TestUplink.dial(await admit("shop", "north"));
    const { services } = await other.greet();
    expect(services.map(({ name, offers }) => [name, offers[0]?.encryption])).toEqual([
      ["api", undefined],
      ["video", "hop"],
    ]);
    provider.send({ type: "offers", offers: [{ ...offer("api"), encryption: "hop" }, offer("video")] });
    const { put } = await other.next("services");
    expect(new Map(put.map(({ name, offers }) => [name, offers[0]?.encryption]))).toEqual(
      new Map([
        ["api", "hop"],
        ["video", undefined],
      ]),
    );
  });

  it("has a session of its own beside the end-to-end one, and keeps its mode", async () => {
    // A request joins a session for some seconds after its grant.
    stopClock();
    const [plain, theirPlain] = await bring("video");
    const [hop, theirHop] = await bring("video", { encryption: "hop" });
    expect([plain.encryption, theirPlain.encryption]).toEqual(["end-to-end", "end-to-end"]);
    expect([hop.encryption, theirHop.encryption]).toEqual(["hop", "hop"]);
    expect(hop.session).not.toBe(plain.session);
    expect((await granted(consumer.request(provider, "video", { encryption: "hop" }))).session).toBe(
      hop.session,
    );
    expect((await granted(consumer.request(provider, "api"))).session).toBe(plain.session);
    await expectJoined(await openLane(consumer, plain), await openLane(provider, theirPlain));
    await expectJoined(await openLane(consumer, hop), await openLane(provider, theirHop));
    expect(await granted(provider.resume(theirHop))).toMatchObject({
      session: hop.session,
      generation: 2,
      encryption: "hop",
    });
    expect(await granted(provider.resume(theirPlain))).toMatchObject({ encryption: "end-to-end" });
  });

  it("is refused for a service that is not offered with it", async () => {
    expect(await consumer.request(provider, "api", { encryption: "hop" })).toBe("session.forbidden");
    provider.send({ type: "offers", offers: [offer("api"), offer("video")] });
    await provider.settle();
    expect(await consumer.request(provider, "video", { encryption: "hop" })).toBe("session.forbidden");
    expect(await consumer.request(provider, "video")).toMatchObject({ encryption: "end-to-end" });
  });
});

describe("a connector of the previous release", () => {
  /** The fields of an invitation that a connector of the previous release reads. */
  const Before = z.strictObject({
    session: z.string(),
    generation: z.literal(1),
    lane: z.literal(0),
    peer: Instance.strict(),
    ticket: z.string(),
  });
  const asBefore = ({ session, generation, lane, peer, ticket }: Invitation) =>
    Before.parse({ session, generation, lane, peer, ticket });

  it("requests and is invited as before, whatever its peer requests", async () => {
    const mine = asBefore(await granted(consumer.request(provider, "api")));
    const theirs = asBefore((await provider.next("session.offer")).invitation);
    await expectJoined(await openLane(consumer, mine), await openLane(provider, theirs));
    consumer.send({ type: "session.ended", session: mine.session, generation: 1, code: "session.closed" });
    const [, several] = await bring("api", { lanes: 4 });
    expect(asBefore(several).ticket).toBe(several.tickets?.[0]);
  });

  it("may also be a later one, with fields unknown to this edge", async () => {
    const hello = { ...provider.hello({ offers: [offer("api")] }), resumes: true };
    const later = await TestUplink.dial(east);
    later.send({ ...hello, boot: later.boot, offers: [{ ...offer("api"), weight: 7 }] });
    await later.next("welcome");
    expect(await granted(consumer.request(later, "api"))).toMatchObject({ generation: 1 });
  });
});

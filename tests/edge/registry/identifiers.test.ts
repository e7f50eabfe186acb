import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { makeId } from "../../../protocol/ids.ts";
import { RegistryMessage } from "../../../protocol/uplink/messages.ts";
import { random } from "../../support/authority/test-site.ts";
import { dialTicket, openLane, refusal } from "../../support/workerd/lane.ts";
import {
  admit,
  granted,
  linkIn,
  type Member,
  offer,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";

let west: Member;
let east: Member;
/** The hostile member, and its uplink. */
let north: Member;
let consumer: TestUplink;
let provider: TestUplink;
let thief: TestUplink;

beforeEach(async () => {
  ({ west, east, consumer, provider } = await openBusyShop({ west: [offer("web")] }));
  north = await admit("shop", "north");
  thief = await TestUplink.open(north);
});
afterEach(closeShop);

const storedSessions = () =>
  runInDurableObject(registryOf(west), (_, { storage }) =>
    storage.sql.exec("SELECT id, generation, lanes FROM sessions ORDER BY id").toArray(),
  );
const linksOf = async (site: string) =>
  (await status("shop")).links
    .filter(({ joiner }) => joiner === site)
    .map(({ name, state }) => [name, state]);

/** A session between west and east. The hostile member knows everything about it except the keys. */
async function session() {
  const mine = await granted(consumer.request(provider, "api"));
  const { invitation: theirs } = await provider.next("session.offer");
  return { mine, theirs };
}

describe("the session id of other sites", () => {
  it("has no effect in a hello, and reveals nothing", async () => {
    const { mine } = await session();
    const before = await storedSessions();
    const again = await TestUplink.open(north, { sessions: [mine.session] }, thief.boot);
    await again.settle();
    expect(await storedSessions()).toEqual(before);
    for (const type of ["session.cut", "session.offer"] as const) expect(again.waiting(type)).toEqual([]);
  });

  it("resumes, ends and extends nothing, in any generation", async () => {
    const { mine } = await session();
    const before = await storedSessions();
    for (const generation of [1, 2, Number.MAX_SAFE_INTEGER]) {
      expect(await thief.resume({ session: mine.session, generation }, { lanes: 8 })).toBe("session.unknown");
      for (const code of ["session.unknown", "session.closed"]) {
        thief.send({ type: "session.ended", session: mine.session, generation, code });
      }
    }
    await thief.settle();
    await consumer.settle();
    expect(await storedSessions()).toEqual(before);
    for (const uplink of [consumer, provider]) expect(uplink.waiting("session.cut")).toEqual([]);
  });

  it("is answered like an unknown id", async () => {
    const { mine } = await session();
    const answers = [mine.session, makeId("session", random())].map((id) =>
      thief.resume({ session: id, generation: 1 }),
    );
    expect(await Promise.all(answers)).toEqual(["session.unknown", "session.unknown"]);
  });
});

describe("the ticket of another site", () => {
  it("opens no lane, even with the boot id of the process that it was issued for", async () => {
    const { mine, theirs } = await session();
    const double = await TestUplink.open(north, {}, provider.boot);
    for (const uplink of [thief, double]) {
      for (const { ticket } of [mine, theirs]) {
        expect(await refusal(uplink, ticket)).toEqual([403, "ticket.wrong_site"]);
      }
    }
    // The attempt used nothing up.
    await openLane(provider, theirs);
    expect((await dialTicket(consumer, mine.ticket)).status).toBe(101);
  });
});

describe("the peer in a session request", () => {
  it("is unknown if its site and boot id do not belong together", async () => {
    const ask = async (id: number, site: string, boot: string) => {
      thief.send({ type: "session.request", id, service: "api", peer: { site, boot } });
      return await thief.take("an answer", (data) => {
        const message = RegistryMessage.safeParse(JSON.parse(String(data))).data;
        if (message?.type === "session.grant" && message.id === id) return message.invitation.peer.siteName;
        return message?.type === "error" && message.id === id ? message.error.code : null;
      });
    };
    expect(await ask(1, east.siteId, consumer.boot)).toBe("service.unknown");
    expect(await ask(2, west.siteId, provider.boot)).toBe("service.unknown");
    expect(await ask(3, north.siteId, provider.boot)).toBe("session.forbidden");
    expect(await ask(4, east.siteId, thief.boot)).toBe("service.unknown");
    expect(await ask(5, east.siteId, provider.boot)).toBe("east");
  });
});

describe("the id of a request", () => {
  it("belongs to its uplink: repeated or used on others, each request gets its own answer", async () => {
    for (const uplink of [consumer, provider, thief]) {
      for (let times = 0; times < 2; times++) uplink.send({ type: "status.request", id: 7 });
    }
    for (const uplink of [consumer, provider, thief]) {
      for (let times = 0; times < 2; times++) {
        expect(await uplink.next("status")).toMatchObject({ id: 7, view: { network: { name: "shop" } } });
      }
    }
  });
});

describe("the name and certificate of a link", () => {
  it("refer to the site's own links: deleting link1 deletes no other site's link1", async () => {
    thief.send({ type: "link.delete", id: 1, link: "link1" });
    await thief.next("done");
    expect(await linksOf("north")).toEqual([]);
    expect(await linksOf("west")).toEqual([["link1", "up"]]);
    expect(await linksOf("east")).toEqual([["link1", "up"]]);
  });

  it("prove nothing in a hello of another site", async () => {
    const stolen = [linkIn(east.admission).certificate, linkIn(west.admission).certificate];
    const again = await TestUplink.dial(north, thief.boot);
    const { links } = await again.greet({ links: stolen });
    expect(links).toMatchObject([{ state: "down", code: "certificate.required" }]);
    expect(await linksOf("east")).toEqual([["link1", "up"]]);
  });
});

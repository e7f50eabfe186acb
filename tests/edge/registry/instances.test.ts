import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { verifyTicket } from "../../../workers/authority/ticket.ts";
import { migrate } from "../../../workers/registry/store/migrations.ts";
import { Store } from "../../../workers/registry/store/store.ts";
import { call } from "../../support/workerd/client.ts";
import {
  admit,
  events,
  granted,
  type Member,
  offer,
  PATIENCE,
  registryOf,
  status,
  TestUplink,
} from "../../support/workerd/member.ts";
import { closeShop, openBusyShop } from "../../support/workerd/shop.ts";

/** Higher than any counter of a connector. */
const HIGH = 999_999_999_999_999;

let west: Member;
let east: Member;
/** The hostile member: it uses the boot id of east's process. */
let north: Member;
let consumer: TestUplink;
let provider: TestUplink;

beforeEach(async () => {
  ({ west, east, consumer, provider } = await openBusyShop({ east: [offer("api", 80)] }));
  north = await admit("shop", "north");
});
afterEach(closeShop);

const sql = (statement: string, ...values: (string | number)[]) =>
  runInDurableObject(registryOf(west), (_, { storage }) => storage.sql.exec(statement, ...values).toArray());
const offersOf = (member: Member) =>
  sql(
    "SELECT service, port, encryption, to_sites, lost_at, refused FROM offers WHERE site = ?",
    member.siteId,
  );
const sessionIds = async () => (await sql("SELECT id FROM sessions ORDER BY id")).map(({ id }) => id);

/** An uplink of north with the boot id of east's process and a higher counter. */
const steal = (hello: Parameters<typeof TestUplink.open>[1] = {}) =>
  TestUplink.open(north, hello, provider.boot, HIGH);

/** Expects east's uplink to be open and its offer unchanged. */
async function expectUnharmed(): Promise<void> {
  await provider.settle();
  expect(provider.waiting("error")).toEqual([]);
  expect(await offersOf(east)).toEqual([
    { service: "api", port: 80, encryption: "end-to-end", to_sites: null, lost_at: null, refused: null },
  ]);
}

describe("an uplink with the boot id of another site's process", () => {
  it("does not replace that process's uplink, whatever its counter", async () => {
    const thief = await steal();
    await expectUnharmed();
    await thief.settle();
    const again = await TestUplink.open(east, { offers: [offer("api", 80)] }, provider.boot);
    expect(await provider.closed).toMatchObject({ reason: "uplink.replaced" });
    await again.settle();
    await thief.settle();
  });

  it("does not use up that process's counters: it opens its next uplink", async () => {
    const other = await TestUplink.open(east, {}, undefined, 5);
    await TestUplink.open(north, {}, other.boot, HIGH);
    const next = await TestUplink.open(east, {}, other.boot, 6);
    await next.settle();
    await expect(TestUplink.dial(north, other.boot, HIGH)).rejects.toThrow("no upgrade: 403");
  });

  it("does not keep out that process if it was absent meanwhile", async () => {
    provider.socket.close(1000);
    await provider.closed;
    const thief = await steal({ offers: [offer("api", 666)] });
    provider = await TestUplink.open(east, { offers: [offer("api", 80)] }, provider.boot, HIGH - 1);
    await expectUnharmed();
    await thief.settle();
  });

  it("changes none of that process's offers, in hello or later", async () => {
    const forged = { ...offer("api", 666), encryption: "hop" as const, to: ["north"] };
    const thief = await steal({ offers: [forged] });
    await expectUnharmed();
    thief.send({ type: "offers", offers: [] });
    await thief.settle();
    await expectUnharmed();
  });

  it("is an instance of its own site, beside the other", async () => {
    await steal({ offers: [offer("api", 666)] });
    const change = await consumer.next("services");
    expect(change.put[0]?.port).toBe(80);
    expect(change.put[0]?.offers.map(({ site, siteName, boot }) => [site, siteName, boot])).toEqual([
      [east.siteId, "east", provider.boot],
      [north.siteId, "north", provider.boot],
    ]);
  });

  it("withdraws nothing of that process when it says bye or is lost", async () => {
    const first = await steal();
    first.send({ type: "bye" });
    await vi.waitFor(async () => expect(await events("shop", "site.stopped")).toHaveLength(1), PATIENCE);
    await expectUnharmed();
    first.socket.close(1000);
    await first.closed;
    await expectUnharmed();
    expect((await status("shop")).sites.find(({ name }) => name === "east")?.state).toBe("up");
  });

  it("leaves that process's listeners unchanged", async () => {
    const listener = { service: "db", address: "127.0.0.1:5432", state: "listening" } as const;
    provider.send({ type: "listeners", listeners: [listener] });
    await provider.settle();
    const thief = await steal({ listeners: [{ ...listener, address: "10.0.0.1:1", state: "failed" }] });
    thief.send({ type: "listeners", listeners: [] });
    await thief.settle();
    expect((await status("shop")).sites.find(({ name }) => name === "east")?.listeners).toMatchObject([
      listener,
    ]);
  });

  it("records an event that names the later site", async () => {
    const thief = await steal();
    expect(await events("shop", "uplink.contested")).toMatchObject([{ site: "north", actor: "north" }]);
    const text = (await events("shop", "uplink.contested"))[0]?.text;
    expect(text).toContain("east");
    // The first process with the boot id returns, and is accepted.
    await TestUplink.open(east, { offers: [offer("api", 80)] }, provider.boot);
    await thief.settle();
    expect(await events("shop", "uplink.contested")).toHaveLength(1);
  });

  it("may have a session with that process, in which each has its own side", async () => {
    const thief = await steal();
    const grant = await granted(thief.request(provider, "api"));
    const { invitation } = await provider.next("session.offer");
    const read = ({ ticket }: Invitation) =>
      verifyTicket(ticket, { deploymentCaKey: env.DEPLOYMENT_CA_KEY, now: Date.now() });
    const [own, other] = [await read(grant), await read(invitation)];
    expect(own).toMatchObject({ site: north.siteId, boot: provider.boot, peer: east.siteId });
    expect(other).toMatchObject({ site: east.siteId, boot: provider.boot, peer: north.siteId });
    expect(new Set([own.side, other.side])).toEqual(new Set(["a", "b"]));
    expect(own.side).toBe(north.siteId < east.siteId ? "a" : "b");
  });
});

describe("the session of a process whose boot id another site uses", () => {
  it("is requested with the site, and offered to its process only", async () => {
    const thief = await steal({ offers: [offer("api", 666)] });
    const grant = await granted(consumer.request(provider, "api"));
    expect(grant.peer).toEqual({ site: east.siteId, siteName: "east", boot: provider.boot });
    expect((await provider.next("session.offer")).invitation.session).toBe(grant.session);
    await thief.settle();
    expect(thief.waiting("session.offer")).toEqual([]);
    const other = await granted(consumer.request(thief, "api"));
    expect(other.session).not.toBe(grant.session);
    expect(other.peer.site).toBe(north.siteId);
    expect((await thief.next("session.offer")).invitation.session).toBe(other.session);
  });

  it("is not granted for a service that only the other site of that boot id offers", async () => {
    const thief = await steal({ offers: [offer("db")] });
    expect(await consumer.request(provider, "db")).toBe("service.unknown");
    expect(await consumer.request(thief, "api")).toBe("service.unknown");
  });

  it("is not forgotten if the hello of the other site does not name it", async () => {
    const grant = await granted(consumer.request(provider, "api"));
    await provider.next("session.offer");
    await sql("UPDATE sessions SET granted_at = 0");
    await steal({ sessions: [] });
    expect(await sessionIds()).toEqual([grant.session]);
    expect(await consumer.resume(grant)).toMatchObject({ generation: 2 });
  });

  it("is not resumed or ended by the other site, which knows its id", async () => {
    const grant = await granted(consumer.request(provider, "api"));
    const thief = await steal({ sessions: [grant.session] });
    expect(await thief.resume(grant)).toBe("session.unknown");
    thief.send({ type: "session.ended", ...grant, code: "session.unknown" });
    await thief.settle();
    expect(await sessionIds()).toEqual([grant.session]);
    await consumer.settle();
    expect(consumer.waiting("session.cut")).toEqual([]);
  });

  it("is reported as cut to its two processes only", async () => {
    const grant = await granted(consumer.request(provider, "api"));
    expect((await call("POST", "/v1/networks/shop/sites/west/revoke")).status).toBe(200);
    expect(await provider.next("session.cut")).toMatchObject({ code: "session.revoked" });
    const thief = await steal({ sessions: [grant.session] });
    expect(await thief.resume(grant)).toBe("session.unknown");
    expect(thief.waiting("session.cut")).toEqual([]);
    const returned = await TestUplink.open(east, { sessions: [grant.session] }, provider.boot);
    expect(await returned.next("session.cut")).toMatchObject({
      session: grant.session,
      code: "session.revoked",
    });
    expect(await returned.resume(grant)).toBe("session.revoked");
  });
});

describe("rows of instances without a site", () => {
  it("are migrated with their sites", async () => {
    await runInDurableObject(env.REGISTRY.getByName("migrated"), (_, { storage }) => {
      migrate(storage, 1, 3);
      storage.sql.exec("INSERT INTO sites VALUES ('s1', 'west', x'00', 'k', 'up', 1, 1, NULL)");
      const columns = "(site, boot, service, protocol, port, since, lost_at, encryption, to_sites, refused)";
      storage.sql.exec(
        `INSERT INTO offers ${columns} VALUES ('s1', 'b1', 'api', 'tcp', 80, 5, 6, 'hop', '["east"]', NULL)`,
      );
      storage.sql.exec("INSERT INTO listeners VALUES ('s1', 'b1', 'db', '::1', 'failed', 'c', 'm')");
      storage.sql.exec("INSERT INTO sessions VALUES ('b1', 'b2', 'hop', 's1', 's2', 'x1', 3, 4, 7, 8)");
      migrate(storage, 2);
      const store = new Store(storage);
      const instance = { site: "s1", boot: "b1" };
      expect(store.offers.stored()).toEqual([
        {
          ...{ service: "api", encryption: "hop", to: ["east"], since: 5, servicePorts: [80], routing: {} },
          ...{ instance: { ...instance, siteName: "west" }, refused: null },
          ports: [{ port: 80, protocol: "tcp" }],
          wish: { ports: [80], explicit: false },
          ...{ details: null, downCode: null, downSince: null },
        },
      ]);
      expect(store.offers.firstLost()).toBe(6);
      expect(store.listeners.of(instance)).toMatchObject([
        { service: "db", code: "c", message: "m", since: null },
      ]);
      expect(store.sessions.all()).toEqual([
        {
          ...{ a: instance, b: { site: "s2", boot: "b2" }, encryption: "hop" },
          ...{ id: "x1", generation: 3, lanes: 4, grantedAt: 7, awaySince: 8 },
        },
      ]);
      storage.sql.exec("DELETE FROM migrations");
    });
  });
});

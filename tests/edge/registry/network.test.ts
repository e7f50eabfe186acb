import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { DEFAULT_QUOTAS } from "../../../protocol/api/quotas.ts";
import { encodeHex } from "../../../protocol/encoding.ts";
import { MIGRATION_NUMBERS } from "../../../protocol/storage.ts";
import {
  hasTables,
  MIGRATIONS,
  migrate,
  pendingMigrations,
} from "../../../workers/registry/store/migrations.ts";
import { Store } from "../../../workers/registry/store/store.ts";
import { networkIdOf } from "../../support/authority/test-site.ts";
import { call, createNetwork, dial, errorOf, redeem } from "../../support/workerd/client.ts";
import { openLane } from "../../support/workerd/lane.ts";
import { admit, offer, registryOf, status, TestUplink } from "../../support/workerd/member.ts";
import { closeShop } from "../../support/workerd/shop.ts";

afterEach(closeShop);

const empty = () => env.REGISTRY.getByName(networkIdOf());
const tables = (storage: DurableObjectStorage) =>
  storage.sql
    .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'")
    .toArray();

describe("the migrations", () => {
  it("are numbered in order, without gaps", () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual(MIGRATIONS.map((_, index) => index + 1));
  });

  it("have the numbers that programs outside the edge know", () => {
    expect(MIGRATIONS.map(({ number }) => number)).toEqual([...MIGRATION_NUMBERS]);
  });

  it("runs the migrations after the last one of a database", () => {
    const list = ([1, 2, 3] as const).map((number) => ({ number, name: `${number}`, statements: [] }));
    expect(pendingMigrations(0, list)).toEqual(list);
    expect(pendingMigrations(2, list).map(({ number }) => number)).toEqual([3]);
    expect(pendingMigrations(3, list)).toEqual([]);
    expect(pendingMigrations(9, list)).toEqual([]);
  });

  it("run once, however often they are requested", async () => {
    await runInDurableObject(empty(), (_, { storage }) => {
      expect(hasTables(storage)).toBe(false);
      migrate(storage, 1);
      expect(hasTables(storage)).toBe(true);
      const once = storage.sql.exec("SELECT * FROM migrations").toArray();
      migrate(storage, 2);
      expect(storage.sql.exec("SELECT * FROM migrations").toArray()).toEqual(once);
      expect(once.map(({ at }) => at)).toEqual(MIGRATIONS.map(() => 1));
    });
  });

  it("are never edited after a release", async () => {
    const released: Record<number, string> = {
      1: "bdd6fbf017523eeec7740fcdd9e76300f6cf9b7c57491a4831a75e94c1d99e7b",
    };
    for (const [number, hash] of Object.entries(released)) {
      const migration = MIGRATIONS.find((one) => one.number === Number(number));
      const digest = await crypto.subtle.digest(
        "SHA-256",
        new TextEncoder().encode(JSON.stringify(migration)),
      );
      expect(encodeHex(new Uint8Array(digest)), `migration ${number}`).toBe(hash);
    }
  });

  it("keep the sessions and offers of the first tables", async () => {
    await runInDurableObject(empty(), (_, { storage }) => {
      for (const statement of MIGRATIONS[0]?.statements ?? []) storage.sql.exec(statement);
      storage.sql.exec("CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT, at INTEGER)");
      storage.sql.exec("INSERT INTO migrations VALUES (1, 'first tables', 1)");
      storage.sql.exec("INSERT INTO sessions VALUES ('b1', 'b2', 's1', 's2', 'x1', 3, 7)");
      storage.sql.exec("INSERT INTO sites VALUES ('s1', 'west', x'00', 'k', 'up', 1, 1)");
      storage.sql.exec("INSERT INTO offers VALUES ('s1', 'b1', 'api', 'tcp', 80, 5, NULL)");
      migrate(storage, 2);
      const store = new Store(storage);
      const session = { id: "x1", generation: 3, grantedAt: 7 };
      const ends = { a: { site: "s1", boot: "b1" }, b: { site: "s2", boot: "b2" } };
      const added = { encryption: "end-to-end", lanes: 1, awaySince: null };
      expect(store.sessions.all()).toEqual([{ ...ends, ...session, ...added }]);
      expect(store.offers.all()).toMatchObject([{ service: "api", since: 5, encryption: "end-to-end" }]);
      expect(store.offers.firstLost()).toBeNull();
      // Removes everything: the object belongs to no network.
      storage.sql.exec("DELETE FROM migrations");
    });
  });

  it("keep a network unharmed across a restart", async () => {
    await createNetwork("shop");
    const west = await admit("shop", "west");
    await evictDurableObject(registryOf(west));
    expect((await status("shop")).sites.map(({ name }) => name)).toEqual(["west"]);
  });
});

describe("a registry without a network", () => {
  it("answers everything with network.unknown, and stores nothing", async () => {
    const registry = empty();
    const claim = { networkId: networkIdOf(), tokenId: `t${"0".repeat(26)}`, secret: "A".repeat(43) };
    const answers = [
      await registry.network(),
      await registry.status(),
      await registry.tokens(),
      await registry.createToken({ uses: 1, expirySeconds: 1, actor: "admin" }),
      await registry.redeem({ claim, site: "west", csr: "" }),
      await registry.site("west"),
      await registry.revokeSite("west", "admin"),
      await registry.deleteSite("west", "admin"),
      await registry.events({ limit: 1 }),
    ];
    for (const answer of answers) {
      expect(answer).toMatchObject({ ok: false, error: { code: "network.unknown" } });
    }
    await registry.noteRefusal({ code: "assertion.invalid", text: "nobody" });
    await registry.destroy();
    await runInDurableObject(registry, async (_, { storage }) => {
      expect(tables(storage)).toEqual([]);
      expect(await storage.getAlarm()).toBeNull();
    });
  });
});

describe("a registry whose database a newer version has migrated", () => {
  it("answers everything with state.corrupt, and leaves the database alone", async () => {
    const network = await createNetwork("shop");
    const registry = env.REGISTRY.getByName(network.id);
    const newest = Math.max(...MIGRATION_NUMBERS) + 1;
    await runInDurableObject(registry, (_, { storage }) => {
      storage.sql.exec("INSERT INTO migrations VALUES (?, 'of a newer version', 1)", newest);
    });
    await evictDurableObject(registry);
    const { id, name } = network;
    for (const answer of [
      await registry.network(),
      await registry.status(),
      await registry.createToken({ uses: 1, expirySeconds: 1, actor: "admin" }),
      await registry.create({ id, name, createdAt: 1, actor: "admin" }),
      await registry.destroy(),
      await registry.dump(),
    ]) {
      const error = { code: "state.corrupt", action: expect.stringContaining("Run the version of Fairlead") };
      expect(answer).toMatchObject({ ok: false, error });
    }
    await runInDurableObject(registry, (_, { storage }) => {
      expect(storage.sql.exec("SELECT name FROM network").toArray()).toEqual([{ name }]);
      storage.sql.exec("DELETE FROM migrations WHERE number = ?", newest);
    });
    await evictDurableObject(registry);
    expect(await registry.network()).toMatchObject({ ok: true, value: { name } });
  });
});

describe("the registry, when a network is created again", () => {
  it("changes nothing for a second network with the same id", async () => {
    const network = await createNetwork("shop");
    const registry = env.REGISTRY.getByName(network.id);
    const again = await registry.create({ id: network.id, name: "other", createdAt: 1, actor: "admin" });
    expect(again).toEqual({ ok: true, value: network });
  });

  it("many times at once creates one", async () => {
    const id = networkIdOf();
    const request = { id, name: "shop", createdAt: 1, actor: "admin" };
    const registry = env.REGISTRY.getByName(id);
    const made = await Promise.all([1, 2, 3].map(async () => (await registry.create(request)).ok));
    expect(made).toEqual([true, true, true]);
    const rows = await runInDurableObject(registry, (_, { storage }) => [
      storage.sql.exec("SELECT id FROM network").toArray(),
      storage.sql.exec("SELECT type FROM events").toArray(),
    ]);
    expect(rows).toEqual([[{ id }], [{ type: "network.created" }]]);
  });
});

describe("deleting a network", () => {
  it("ends its uplinks and lanes, empties its storage, and leaves other networks alone", async () => {
    await createNetwork("shop");
    await createNetwork("other");
    const bystander = await TestUplink.open(await admit("other", "west"));
    const west = await TestUplink.open(await admit("shop", "west"));
    const east = await TestUplink.open(await admit("shop", "east"), { offers: [offer("api")] });
    const silent = await TestUplink.dial(east.member);
    const grant = await west.request(east, "api");
    if (typeof grant === "string") throw new Error(grant);
    const left = await openLane(west, grant);
    const right = await openLane(east, (await east.next("session.offer")).invitation);

    expect((await call("DELETE", "/v1/networks/shop")).status).toBe(200);
    for (const uplink of [west, east, silent]) {
      expect((await uplink.next("error")).error.code).toBe("network.unknown");
      expect(await uplink.closed).toEqual({ code: 4404, reason: "network.unknown" });
    }
    for (const end of [left, right]) expect((await end.closed).code).toBe(1006);

    const registry = registryOf(west.member);
    await runInDurableObject(registry, async (_, { storage }) => {
      expect(tables(storage)).toEqual([]);
      expect(await storage.getAlarm()).toBeNull();
    });
    expect(await errorOf(dial(west.member))).toEqual([404, "network.unknown"]);
    const claim = `${west.member.networkId}.t${"0".repeat(26)}.${"A".repeat(43)}`;
    expect(await errorOf(redeem(claim, "west"))).toEqual([404, "token.unknown"]);
    await evictDurableObject(registry);
    expect(await registry.network()).toMatchObject({ ok: false, error: { code: "network.unknown" } });
    await runInDurableObject(registry, (_, { storage }) => expect(tables(storage)).toEqual([]));
    await bystander.settle();
  });
});

describe("the event log", () => {
  it("keeps the newest ten thousand", async () => {
    const network = await createNetwork("shop");
    const ids = await runInDurableObject(env.REGISTRY.getByName(network.id), (_, { storage }) => {
      const store = new Store(storage);
      store.transaction(() => {
        for (let index = 0; index < DEFAULT_QUOTAS.events + 5; index++) {
          store.events.add({ at: index, type: "token.created", actor: "test" }, [{ text: `${index}` }]);
        }
      });
      return storage.sql.exec("SELECT count(*) AS count, max(id) - min(id) AS span FROM events").one();
    });
    expect(ids).toEqual({ count: DEFAULT_QUOTAS.events, span: DEFAULT_QUOTAS.events - 1 });
  });
});

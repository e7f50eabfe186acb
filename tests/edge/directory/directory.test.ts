import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { makeId } from "../../../protocol/ids.ts";
import { KEPT_EVENTS, KEPT_REFUSALS } from "../../../workers/directory/edge-log.ts";
import { openDirectory } from "../../../workers/directory/facade.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(() => resetEdge());

const random = () => crypto.getRandomValues(new Uint8Array(16));
const network = (name: string) => ({
  id: makeId("network", random()),
  name,
  createdAt: new Date().toISOString(),
});
const key = (name: string, hash: string) => ({
  id: makeId("key", random()),
  name,
  role: "viewer" as const,
  networks: null,
  createdAt: new Date().toISOString(),
  lastUsedAt: null,
  hash,
});
const directory = () => openDirectory(env.DIRECTORY);
const stub = () => env.DIRECTORY.getByName("directory");

describe("the directory", () => {
  it("finds a network by name and by id, and nothing else", async () => {
    const shop = network("shop");
    expect(await directory().createNetwork(shop, "ann")).toEqual({ ok: true, value: shop });
    expect(await directory().findNetwork("shop")).toEqual(shop);
    expect(await directory().findNetwork(shop.id)).toEqual(shop);
    for (const name of ["", "shop2", "SHOP", "__proto__", "constructor"]) {
      expect(await directory().findNetwork(name)).toBeNull();
    }
  });

  it("refuses a second network of the same name", async () => {
    await directory().createNetwork(network("shop"), "ann");
    expect(await directory().createNetwork(network("shop"), "ann")).toMatchObject({
      ok: false,
      error: { code: "network.taken" },
    });
  });

  it("gives a name to one of many concurrent requests", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => directory().createNetwork(network("shop"), "ann")),
    );
    expect(answers.filter((response) => response.ok)).toHaveLength(1);
    expect(await directory().listNetworks()).toHaveLength(1);
  });

  it("loses none of many concurrent changes", async () => {
    const names = Array.from({ length: 30 }, (_, at) => `network-${String(at).padStart(2, "0")}`);
    await Promise.all(names.map((name) => directory().createNetwork(network(name), "ann")));
    expect((await directory().listNetworks()).map(({ name }) => name)).toEqual(names);
    await evictDurableObject(stub());
    expect((await directory().listNetworks()).map(({ name }) => name)).toEqual(names);
  });

  it("keeps everything over an eviction, including a name that is not ASCII", async () => {
    const shop = network("shop");
    const person = key('Zoë 鍵 \n"x"', "ab".repeat(32));
    await directory().createNetwork(shop, "ann");
    await directory().createKey(person, "ann");
    await evictDurableObject(stub());
    expect(await directory().findNetwork("shop")).toEqual(shop);
    expect((await directory().useKey(person.hash))?.name).toBe(person.name);
  });

  it("gives concurrent first calls after an eviction the same result", async () => {
    const shop = network("shop");
    await directory().createNetwork(shop, "ann");
    await evictDurableObject(stub());
    const found = await Promise.all(Array.from({ length: 10 }, () => directory().findNetwork("shop")));
    expect(found).toEqual(Array.from({ length: 10 }, () => shop));
  });

  it("forgets a deleted network over an eviction", async () => {
    const shop = network("shop");
    await directory().createNetwork(shop, "ann");
    expect(await directory().deleteNetwork(shop.id, "ann")).toEqual({ ok: true, value: shop });
    await evictDurableObject(stub());
    expect(await directory().findNetwork("shop")).toBeNull();
    expect(await directory().deleteNetwork(shop.id, "ann")).toMatchObject({
      error: { code: "network.unknown" },
    });
  });

  it("never returns the hash of a key", async () => {
    const person = key("ann", "cd".repeat(32));
    const { hash: _, ...shown } = person;
    expect(await directory().createKey(person, "ann")).toEqual({ ok: true, value: shown });
    expect(await directory().listKeys()).toEqual([shown]);
    const used = { ...shown, lastUsedAt: expect.any(String) };
    expect(await directory().useKey(person.hash)).toEqual(used);
    expect(await directory().useKey("ef".repeat(32))).toBeNull();
    expect(await directory().deleteKey(person.id, "ann")).toEqual({ ok: true, value: used });
    expect(await directory().deleteKey(person.id, "ann")).toMatchObject({ error: { code: "key.unknown" } });
    expect(await directory().useKey(person.hash)).toBeNull();
  });
});

describe("the use of a key", () => {
  afterEach(() => vi.restoreAllMocks());

  it("is noted to the minute, and written at most once a minute", async () => {
    const person = key("ann", "cd".repeat(32));
    await directory().createKey(person, "ann");
    const began = Date.now();
    const clock = vi.spyOn(Date, "now");
    const lastUsedAfter = async (ms: number) => {
      clock.mockReturnValue(began + ms);
      await directory().useKey(person.hash);
      const [listed] = await directory().listKeys();
      return Date.parse(listed?.lastUsedAt ?? "") - began;
    };
    expect(await lastUsedAfter(0)).toBe(0);
    expect(await lastUsedAfter(1)).toBe(0);
    expect(await lastUsedAfter(59_999)).toBe(0);
    expect(await lastUsedAfter(60_000)).toBe(60_000);
    // A clock that was set back does not stop the writes.
    expect(await lastUsedAfter(30_000)).toBe(30_000);
    await evictDurableObject(stub());
    expect(await lastUsedAfter(30_001)).toBe(30_000);
  });
});

describe("the edge's event log", () => {
  const list = async (query: object = {}) => (await directory().events({ limit: 1000, ...query })).events;

  it("names the caller of each creation and deletion", async () => {
    const shop = network("shop");
    const person = key("ci", "cd".repeat(32));
    await directory().createNetwork(shop, "ann");
    await directory().createKey(person, "bob");
    await directory().deleteKey(person.id, "cem");
    await directory().deleteNetwork(shop.id, "dot");
    await evictDurableObject(stub());
    expect((await list()).map(({ id, type, actor }) => [id, type, actor])).toEqual([
      [1, "network.created", "ann"],
      [2, "key.created", "bob"],
      [3, "key.revoked", "cem"],
      [4, "network.deleted", "dot"],
    ]);
    expect((await list({ type: "key" })).map(({ id }) => id)).toEqual([2, 3]);
    expect((await list({ type: "key.created" })).map(({ id }) => id)).toEqual([2]);
    expect((await list({ after: 2, limit: 1 })).map(({ id }) => id)).toEqual([3]);
    expect((await list({ before: 4, limit: 1 })).map(({ id }) => id)).toEqual([3]);
    expect(await list({ since: new Date(Date.now() + 60_000).toISOString() })).toEqual([]);
  });

  it("has no event for a refused change", async () => {
    await directory().createNetwork(network("shop"), "ann");
    await directory().createNetwork(network("shop"), "bob");
    await directory().deleteKey("unknown", "bob");
    expect(await list()).toHaveLength(1);
  });

  it("keeps the newest events, and refused keys displace only each other", async () => {
    await directory().createNetwork(network("shop"), "ann");
    await runInDurableObject(stub(), (_, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          INSERT INTO events (at, type, text, actor) SELECT i, 'key.refused', 'x', 'edge' FROM n`,
        KEPT_REFUSALS + 50,
      );
    });
    await directory().noteRefusedKey({ code: "key.invalid", text: "last" });
    const kept = await list();
    expect(kept).toHaveLength(KEPT_REFUSALS + 1);
    expect(kept[0]?.type).toBe("network.created");
    expect(kept.at(-1)).toMatchObject({ text: "last", code: "key.invalid", actor: "edge" });
    await runInDurableObject(stub(), (_, { storage }) => {
      storage.sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          INSERT INTO events (at, type, text, actor) SELECT i, 'key.created', 'x', 'ann' FROM n`,
        KEPT_EVENTS,
      );
    });
    await directory().createNetwork(network("bank"), "ann");
    const count = await runInDurableObject(stub(), (_, { storage }) =>
      storage.sql.exec("SELECT count(*) AS n FROM events").one(),
    );
    expect(count).toEqual({ n: KEPT_EVENTS + KEPT_REFUSALS });
  });
});

describe("a directory's backup", () => {
  it("is restored into an empty directory only", async () => {
    const shop = network("shop");
    const person = key('Zoë 鍵 "x"', "cd".repeat(32));
    await directory().createNetwork(shop, "ann");
    await directory().createKey(person, "ann");
    await directory().useKey(person.hash);
    const dump = await directory().dump();
    expect(await directory().restore(dump, "bob")).toMatchObject({ error: { code: "backup.not_empty" } });
    await directory().deleteNetwork(shop.id, "ann");
    expect(await directory().restore(dump, "bob")).toMatchObject({ error: { code: "backup.not_empty" } });
    await directory().deleteKey(person.id, "ann");

    expect(await directory().restore(dump, "bob")).toEqual({ ok: true, value: [shop] });
    await evictDurableObject(stub());
    expect(await directory().findNetwork("shop")).toEqual(shop);
    const again = await directory().dump();
    expect({ ...again, at: dump.at, events: again.events.slice(0, dump.events.length) }).toEqual(dump);
    expect(again.events.at(-1)).toMatchObject({ type: "network.restored", actor: "bob" });
    expect((await directory().useKey(person.hash))?.name).toBe(person.name);
  });

  it("may be large", async () => {
    const dump = await directory().dump();
    const networks = Array.from({ length: 3000 }, (_, at) => network(`network-${at}`));
    expect(await directory().restore({ ...dump, networks }, "bob")).toMatchObject({ ok: true });
    expect(await directory().listNetworks()).toHaveLength(3000);
  });
});

describe("the directory's fetch", () => {
  const attempts = [
    "https://edge.test/v1/networks",
    "https://edge.test/do/call/destroy",
    "https://edge.test/do/call/listKeys",
    "https://itty-durable/do/call/destroy",
    "https://itty-durable/do/call/reset",
    "https://itty-durable/do/call/toJSON",
    "https://itty-durable/do/set/networks",
    "https://itty-durable/do/get-prop/keys",
    "https://itty-durable/restore",
    "https://edge.test/restore",
  ];
  for (const url of attempts) {
    it(`refuses ${url}`, async () => {
      await directory().createNetwork(network("shop"), "ann");
      const response = await stub().fetch(url, { headers: { "do-content": "{}" } });
      expect(response.status).toBe(404);
      expect(await response.text()).toBe("");
      expect(await directory().listNetworks()).toHaveLength(1);
    });
  }
});

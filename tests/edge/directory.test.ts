import { evictDurableObject, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { makeId } from "../../protocol/ids.ts";
import { openDirectory } from "../../workers/directory/directory.ts";

afterEach(() => reset());

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
  hash,
});
const directory = () => openDirectory(env.DIRECTORY);
const stub = () => env.DIRECTORY.getByName("directory");

describe("the directory", () => {
  it("finds a network by name and by id, and nothing else", async () => {
    const shop = network("shop");
    expect(await directory().createNetwork(shop)).toEqual({ ok: true, value: shop });
    expect(await directory().findNetwork("shop")).toEqual(shop);
    expect(await directory().findNetwork(shop.id)).toEqual(shop);
    for (const name of ["", "shop2", "SHOP", "__proto__", "constructor"]) {
      expect(await directory().findNetwork(name)).toBeNull();
    }
  });

  it("refuses a second network of the same name", async () => {
    await directory().createNetwork(network("shop"));
    expect(await directory().createNetwork(network("shop"))).toMatchObject({
      ok: false,
      error: { code: "network.taken" },
    });
  });

  it("lets one of many who ask at once have a name", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => directory().createNetwork(network("shop"))),
    );
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(await directory().listNetworks()).toHaveLength(1);
  });

  it("loses none of many changes at once", async () => {
    const names = Array.from({ length: 30 }, (_, at) => `network-${String(at).padStart(2, "0")}`);
    await Promise.all(names.map((name) => directory().createNetwork(network(name))));
    expect((await directory().listNetworks()).map(({ name }) => name)).toEqual(names);
    await evictDurableObject(stub());
    expect((await directory().listNetworks()).map(({ name }) => name)).toEqual(names);
  });

  it("knows everything after it was evicted, also a name that is not ASCII", async () => {
    const shop = network("shop");
    const person = key('Zoë 鍵 \n"x"', "ab".repeat(32));
    await directory().createNetwork(shop);
    await directory().createKey(person);
    await evictDurableObject(stub());
    expect(await directory().findNetwork("shop")).toEqual(shop);
    expect((await directory().findKey(person.hash))?.name).toBe(person.name);
  });

  it("answers the first calls after an eviction alike, however many come at once", async () => {
    const shop = network("shop");
    await directory().createNetwork(shop);
    await evictDurableObject(stub());
    const found = await Promise.all(Array.from({ length: 10 }, () => directory().findNetwork("shop")));
    expect(found).toEqual(Array.from({ length: 10 }, () => shop));
  });

  it("forgets a deleted network, for good", async () => {
    const shop = network("shop");
    await directory().createNetwork(shop);
    expect(await directory().deleteNetwork(shop.id)).toEqual({ ok: true, value: shop });
    await evictDurableObject(stub());
    expect(await directory().findNetwork("shop")).toBeNull();
    expect(await directory().deleteNetwork(shop.id)).toMatchObject({ error: { code: "network.unknown" } });
  });

  it("never gives a key's hash away", async () => {
    const person = key("ann", "cd".repeat(32));
    const { hash: _, ...shown } = person;
    expect(await directory().createKey(person)).toEqual({ ok: true, value: shown });
    expect(await directory().listKeys()).toEqual([shown]);
    expect(await directory().findKey(person.hash)).toEqual(shown);
    expect(await directory().findKey("ef".repeat(32))).toBeNull();
    expect(await directory().deleteKey(person.id)).toEqual({ ok: true, value: shown });
    expect(await directory().deleteKey(person.id)).toMatchObject({ error: { code: "key.unknown" } });
    expect(await directory().findKey(person.hash)).toBeNull();
  });
});

describe("the directory's own fetch", () => {
  const attempts = [
    "https://edge.test/v1/networks",
    "https://edge.test/do/call/destroy",
    "https://edge.test/do/call/listKeys",
    "https://itty-durable/do/call/destroy",
    "https://itty-durable/do/call/reset",
    "https://itty-durable/do/call/toJSON",
    "https://itty-durable/do/set/networks",
    "https://itty-durable/do/get-prop/keys",
  ];
  for (const url of attempts) {
    it(`does nothing for ${url}`, async () => {
      await directory().createNetwork(network("shop"));
      const answer = await stub().fetch(url, { headers: { "do-content": "{}" } });
      expect(answer.status).toBe(404);
      expect(await answer.text()).toBe("");
      expect(await directory().listNetworks()).toHaveLength(1);
    });
  }
});

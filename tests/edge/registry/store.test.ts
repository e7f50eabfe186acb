/** The registry's store: cached values equal the database after any writes, also after a rollback. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { NETWORK_NODE } from "../../../workers/registry/policy/link-graph.ts";
import { migrate } from "../../../workers/registry/store/migrations.ts";
import { Mutations } from "../../../workers/registry/store/mutations.ts";
import { Store } from "../../../workers/registry/store/store.ts";
import { exportDetails } from "../../support/edge/export-details.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(resetEdge);

const SITES = ["s1", "s2", "s3"];
const BOOTS = ["b1", "b2"];
const SERVICES = ["api", "db", "web"];
const LINKS = ["l1", "l2", "l3", "l4"];
const SESSIONS = ["x1", "x2"];
const ISSUERS = [NETWORK_NODE, "s1"];

type Write = (store: Store, at: number) => void;

const site = fc.constantFrom(...SITES);
const instance = fc.record({ site, boot: fc.constantFrom(...BOOTS) });
const anyOffer = fc.record({
  name: fc.constantFrom(...SERVICES),
  protocol: fc.constant("tcp" as const),
  port: fc.integer({ min: 1, max: 3 }),
  to: fc.option(fc.array(fc.constant("s1"), { minLength: 1, maxLength: 1 }), { nil: undefined }),
  down: fc.option(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }), { nil: undefined }),
  why: fc.option(fc.constantFrom("service.refused", "service.timeout"), { nil: undefined }),
  export: fc.option(fc.constantFrom(exportDetails(), exportDetails({ type: "Headless" })), {
    nil: undefined,
  }),
});

const certificate = (byte: number) => Uint8Array.of(byte);

/** Random writes, each as a function of the store. */
const anyWrite: fc.Arbitrary<Write> = fc.oneof(
  fc.tuple(site, fc.boolean()).map(
    ([id, limited]): Write =>
      (store, at) => {
        if (store.sites.get(id) !== null) return;
        const mayOffer = limited ? ["a*"] : null;
        const name = `${id}-${at}`;
        store.sites.put({
          id,
          name,
          publicKey: null,
          keyHash: null,
          state: "new",
          since: at,
          createdAt: at,
          mayOffer,
        });
      },
  ),
  fc.tuple(site, fc.constantFrom("up" as const, "down" as const)).map(
    ([id, state]): Write =>
      (store, at) =>
        store.sites.setState(id, state, at),
  ),
  site.map(
    (id): Write =>
      (store, at) =>
        store.sites.revoke(id, at),
  ),
  site.map(
    (id): Write =>
      (store, at) =>
        store.sites.setName(id, `renamed-${at}`),
  ),
  site.map(
    (id): Write =>
      (store) =>
        store.sites.setMayOffer(id, ["d*"]),
  ),
  site.map(
    (id): Write =>
      (store, at) =>
        store.sites.setKey(id, certificate(at % 256), `key-${at}`),
  ),
  site.map(
    (id): Write =>
      (store) =>
        store.deleteSite(id),
  ),
  fc.tuple(instance, fc.array(anyOffer, { maxLength: 3 })).map(
    ([of, offers]): Write =>
      (store, at) => {
        // Offers arrive over an uplink, so their site exists.
        if (store.sites.get(of.site) !== null) store.offers.replace(of, offers, at);
      },
  ),
  fc.tuple(instance, fc.array(anyOffer, { maxLength: 2 }), fc.subarray(SERVICES)).map(
    ([of, put, gone]): Write =>
      (store, at) => {
        if (store.sites.get(of.site) !== null) store.offers.change(of, { put, gone }, at);
      },
  ),
  fc.tuple(instance, fc.constantFrom(...SERVICES), fc.constantFrom(null, "quota.services")).map(
    ([of, service, code]): Write =>
      (store) =>
        store.offers.decide(of, service, { refused: code, servicePorts: [2] }),
  ),
  instance.map(
    (of): Write =>
      (store, at) =>
        store.offers.markLost(of, at),
  ),
  instance.map(
    (of): Write =>
      (store) =>
        store.offers.clearLost(of),
  ),
  instance.map(
    (of): Write =>
      (store) =>
        store.dropInstance(of),
  ),
  fc.constant<Write>((store, at) => store.offers.endGrace(at - 3, at)),
  fc.tuple(fc.constantFrom(...LINKS), site, fc.constantFrom(...SITES, NETWORK_NODE)).map(
    ([id, joiner, issuer]): Write =>
      (store, at) => {
        if (store.links.get(id) !== null) return;
        const row = { id, joiner, issuer, name: id, cost: 1, certificate: certificate(1), createdAt: at };
        store.links.put({ ...row, revokedAt: null });
      },
  ),
  fc.constantFrom(...LINKS).map(
    (id): Write =>
      (store) =>
        store.links.delete(id),
  ),
  fc.constantFrom(...LINKS).map(
    (id): Write =>
      (store, at) =>
        store.links.setCertificate(id, certificate(at % 256)),
  ),
  fc.constantFrom(...SITES, NETWORK_NODE).map(
    (issuer): Write =>
      (store, at) => {
        store.links.revokeFrom(issuer, at);
      },
  ),
  fc.tuple(fc.constantFrom(...SESSIONS), instance, instance).map(
    ([id, a, b]): Write =>
      (store, at) => {
        store.sessions.delete(id);
        store.sessions.put({
          id,
          a,
          b,
          encryption: "hop",
          generation: 1,
          lanes: 1,
          grantedAt: at,
          awaySince: null,
        });
      },
  ),
  fc.constantFrom(...SESSIONS).map(
    (id): Write =>
      (store, at) =>
        store.sessions.setAway(id, at),
  ),
  fc.tuple(fc.constantFrom(...SESSIONS), fc.constantFrom(undefined, 1, 2)).map(
    ([id, generation]): Write =>
      (store) =>
        store.sessions.delete(id, generation),
  ),
  fc.constantFrom(...ISSUERS).map(
    (id): Write =>
      (store, at) =>
        store.issuers.put({ id, certificate: certificate(at), sealedKey: certificate(at + 1) }, at),
  ),
  fc.constantFrom(...ISSUERS).map(
    (id): Write =>
      (store) =>
        store.issuers.delete(id),
  ),
  fc.constant<Write>((store, at) => store.network.setQuotas({ services: at, events: 100 + (at % 7) })),
  fc.option(site, { nil: undefined }).map(
    (owner): Write =>
      (store, at) => {
        store.events.add({ at, type: "site.up", owner, actor: "test" }, [{ text: `${at}` }]);
      },
  ),
);

/** Several writes in one transaction, which may fail at its end. */
const anyStep = fc.record({
  writes: fc.array(anyWrite, { minLength: 1, maxLength: 4 }),
  fails: fc.boolean(),
});

/** Shares of the event log with a gap between their places. */
function sharesWithGaps({ sql }: DurableObjectStorage): string[] {
  return sql
    .exec<{ share: string }>(
      "SELECT share FROM events GROUP BY share HAVING max(place) - min(place) + 1 <> count(*)",
    )
    .toArray()
    .map(({ share }) => share);
}

/** Everything that a store returns and may cache. */
function everything(store: Store) {
  const { book } = { book: store.offers.snapshot() };
  const sorted = <T>(map: ReadonlyMap<string, T>) =>
    [...map].sort(([left], [right]) => (left < right ? -1 : 1));
  const instances = SITES.flatMap((id) => BOOTS.map((boot) => ({ site: id, boot })));
  return {
    network: [store.network.get(), store.network.quotas()],
    sites: SITES.map((id) => store.sites.get(id)),
    siteCount: store.sites.count(),
    issuers: ISSUERS.map((id) => store.issuers.get(id)),
    names: sorted(store.sites.names()),
    patterns: sorted(store.sites.patterns()),
    links: [...SITES, NETWORK_NODE].map((node) => [store.links.of(node), store.links.from(node)]),
    edges: store.links.edges(),
    ofSite: sorted(book.ofSite),
    ofService: sorted(book.ofService),
    stored: store.offers.stored(),
    found: instances.flatMap((each) => SERVICES.map((service) => store.offers.find(each, service))),
    firstLost: store.offers.firstLost(),
    sessions: SESSIONS.map((id) => store.sessions.get(id)),
    sessionCount: [store.sessions.count(), store.sessions.hasAny],
    events: store.events.count(),
  };
}

describe("Store", () => {
  it("gives after any writes, also ones rolled back, what a store that has read nothing yet gives", async () => {
    let number = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { maxLength: 12 }), async (steps) => {
        await runInDurableObject(env.REGISTRY.getByName(`store-${++number}`), (_, { storage }) => {
          migrate(storage, 1);
          const kept = new Store(storage);
          const row = {
            id: "n",
            name: "shop",
            createdAt: 1,
            certificate: certificate(1),
            sealedKey: certificate(2),
          };
          kept.network.put(row);
          let at = 10;
          for (const { writes, fails } of steps) {
            everything(kept);
            try {
              kept.transaction(() => {
                for (const write of writes) {
                  write(kept, ++at);
                  expect(everything(kept)).toEqual(everything(new Store(storage)));
                }
                if (fails) throw new Error("rolled back");
              });
            } catch (thrown) {
              if (!(thrown instanceof Error) || thrown.message !== "rolled back") throw thrown;
            }
            expect(everything(kept)).toEqual(everything(new Store(storage)));
            expect(sharesWithGaps(storage)).toEqual([]);
          }
          // Removes everything: the object belongs to no network.
          storage.sql.exec("DELETE FROM migrations");
        });
      }),
      { numRuns: 40 },
    );
  });

  it("leaves a revoked site revoked, whatever state is set afterwards", async () => {
    await runInDurableObject(env.REGISTRY.getByName("store-revoked"), (_, { storage }) => {
      migrate(storage, 1);
      const store = new Store(storage);
      const [joiner, issuer] = ["s1", "s2"];
      for (const id of [joiner, issuer]) {
        const facts = { publicKey: null, keyHash: null, state: "new", mayOffer: null } as const;
        store.sites.put({ id, name: id, since: 1, createdAt: 1, ...facts });
      }
      const facts = { name: "l1", cost: 1, certificate: certificate(1), createdAt: 2, revokedAt: null };
      store.links.put({ id: "l1", joiner, issuer, ...facts });
      expect(store.links.edges()).toEqual([{ joiner, issuer, cost: 1 }]);
      store.sites.revoke(joiner, 3);
      store.sites.setState(joiner, "up", 4);
      expect(store.sites.get(joiner)?.state).toBe("revoked");
      expect(store.links.edges()).toEqual([]);
      storage.sql.exec("DELETE FROM migrations");
    });
  });

  it("keeps the same snapshot of offers, and the same offers of a service, until these change", async () => {
    await runInDurableObject(env.REGISTRY.getByName("book"), (_, { storage }) => {
      migrate(storage, 1);
      const store = new Store(storage);
      for (const id of SITES) {
        const row = { id, name: id, publicKey: null, keyHash: null, since: 1, createdAt: 1, mayOffer: null };
        store.sites.put({ ...row, state: "new" });
        store.offers.replace({ site: id, boot: "b1" }, [{ name: id, protocol: "tcp", port: 1 }], 1);
        store.offers.decide({ site: id, boot: "b1" }, id, { refused: null, servicePorts: [1] });
      }
      const before = store.offers.snapshot();
      store.sites.setState("s1", "up", 2);
      store.offers.markLost({ site: "s1", boot: "b1" }, 2);
      expect(store.offers.snapshot()).toBe(before);
      store.offers.replace({ site: "s1", boot: "b1" }, [{ name: "s1", protocol: "http", port: 2 }], 3);
      const after = store.offers.snapshot();
      expect(after).not.toBe(before);
      const offered = (protocol: string, wished: number) => ({
        ports: [{ protocol, port: 1 }],
        servicePorts: [1],
        wish: { ports: [wished] },
      });
      expect(after.ofService.get("s1")).toMatchObject([offered("http", 2)]);
      expect(before.ofService.get("s1")).toMatchObject([offered("tcp", 1)]);
      expect(after.ofService.get("s2")).toBe(before.ofService.get("s2"));
      storage.sql.exec("DELETE FROM migrations");
    });
  });

  it("reads again after a write that bypassed it", async () => {
    await runInDurableObject(env.REGISTRY.getByName("around"), (_, { storage }) => {
      migrate(storage, 1);
      const store = new Store(storage);
      const row = {
        id: "s1",
        name: "west",
        publicKey: null,
        keyHash: null,
        since: 1,
        createdAt: 1,
        mayOffer: null,
      };
      store.sites.put({ ...row, state: "new" });
      expect(store.sites.get("s1")?.state).toBe("new");
      storage.sql.exec("UPDATE sites SET state = 'up'");
      Mutations.of(storage).noteAll();
      expect(store.sites.get("s1")?.state).toBe("up");
      storage.sql.exec("DELETE FROM migrations");
    });
  });
});

/** The table of departures: instances within their grace, and instances that have ended. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it } from "vitest";
import { TIME_LIMITS } from "../../../protocol/time-limits.ts";
import type { Departures } from "../../../workers/registry/store/departures.ts";
import { migrate } from "../../../workers/registry/store/migrations.ts";
import { Store } from "../../../workers/registry/store/store.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(resetEdge);

const NOW = 1_800_000_000_000;
const GRACE = TIME_LIMITS.absence.least;
const east = { site: "s1", boot: "b1" };

/** Runs `work` with the departures of a new database. `again` reads them as a restarted object does. */
async function withDepartures(work: (departures: Departures, again: () => Departures) => void) {
  const stub = env.REGISTRY.get(env.REGISTRY.newUniqueId());
  await runInDurableObject(stub, (_, { storage }) => {
    migrate(storage, NOW);
    const read = () => new Store(storage).departures;
    work(read(), read);
  });
}

describe("Departures", () => {
  it("gives an instance a grace, after which it has ended", async () => {
    await withDepartures((departures) => {
      departures.note(east, NOW, 20);
      expect(departures.graceLeft(east, NOW - 1, NOW)).toBe(GRACE);
      expect(departures.graceLeft(east, NOW - 1, NOW + GRACE - 1)).toBe(1);
      expect(departures.graceLeft(east, NOW - 1, NOW + GRACE)).toBe(0);
    });
  });

  it("remembers departures in an object that was evicted meanwhile", async () => {
    await withDepartures((departures, again) => {
      departures.note(east, NOW, 20);
      expect(again().graceLeft(east, NOW - 1, NOW + GRACE)).toBe(0);
    });
  });

  it("gives a longer grace to an instance with a slow path to the edge", async () => {
    await withDepartures((departures) => {
      departures.note(east, NOW, 2000);
      expect(departures.graceLeft(east, NOW - 1, NOW)).toBeGreaterThan(2 * GRACE);
    });
  });

  it("tells nothing to a peer that lost its own uplink too, because the edge or the path may have ended both", async () => {
    await withDepartures((departures) => {
      departures.note(east, NOW, null);
      expect(departures.graceLeft(east, NOW + 1, NOW + GRACE)).toBeNull();
    });
  });

  it("tells nothing about an instance that returned, or about another site's with the same boot id", async () => {
    await withDepartures((departures) => {
      departures.note(east, NOW, null);
      expect(departures.graceLeft({ ...east, site: "s2" }, NOW - 1, NOW + GRACE)).toBeNull();
      departures.forget(east);
      expect(departures.graceLeft(east, NOW - 1, NOW + GRACE)).toBeNull();
    });
  });

  it("keeps the newest ten thousand, for a quarter of an hour", async () => {
    await withDepartures((departures) => {
      departures.note(east, NOW, null);
      for (let other = 0; other < 10_000; other++)
        departures.note({ site: "s2", boot: `b${other}` }, NOW + 1, null);
      expect(departures.graceLeft(east, NOW - 1, NOW + 1)).toBeNull();
      departures.note(east, NOW + 2, null);
      departures.note({ site: "s3", boot: "b" }, NOW + 3600_000, null);
      expect(departures.graceLeft(east, NOW - 1, NOW + 3600_000)).toBeNull();
    });
  });
});

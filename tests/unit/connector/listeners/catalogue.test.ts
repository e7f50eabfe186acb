import { describe, expect, it } from "vitest";
import { Catalogue, MAX_SERVICES } from "../../../../connector/listeners/catalogue.ts";
import type { Instance, VisibleService } from "../../../../protocol/uplink/messages.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

const instance = (site: string, boot: string): Instance => ({ site, siteName: site, boot });
const service = (
  name: string,
  port: number,
  offers: Instance[] = [instance("s1", "b1")],
): VisibleService => ({
  ...{ name, port, offers },
  protocol: "tcp",
});
const names = (catalogue: Catalogue) =>
  catalogue
    .reachable()
    .map(({ name }) => name)
    .sort();

describe("Catalogue", () => {
  it("needs no listener for a zone, and knows when every service is known", () => {
    const catalogue = new Catalogue(() => {});
    const zone = {
      ...service("zone-corp", 53),
      offers: [{ ...instance("s1", "b1"), zone: "corp.internal" }],
    };
    expect(catalogue.isComplete).toBe(false);
    catalogue.welcome([zone, service("api", 80)], true);
    expect(catalogue.isComplete).toBe(false);
    catalogue.change({ put: [], gone: [], complete: true });
    expect(catalogue.isComplete).toBe(true);
    expect(names(catalogue)).toEqual(["api"]);
    expect(catalogue.lookup("zone-corp")).toEqual(zone);
  });

  it("has a service at each of its ports, with the protocol of the port and the offers that serve it", () => {
    const catalogue = new Catalogue(() => {});
    const http = { port: 8080, protocol: "http" as const };
    const tcp = { port: 9090, protocol: "tcp" as const };
    const [both, part] = [instance("s1", "b1"), { ...instance("s2", "b2"), ports: [9090] }];
    const shop = { name: "shop", ...http, ports: [http, tcp], offers: [both, part] };
    catalogue.welcome([shop, service("db", 5432)]);
    expect(catalogue.lookupPort("shop")).toEqual({ ...shop, offers: [both] });
    expect(catalogue.lookupPort("shop", 8080)).toBe(catalogue.lookupPort("shop"));
    expect(catalogue.lookupPort("shop", 9090)).toEqual({ ...shop, ...tcp });
    expect(catalogue.lookupPort("shop", 1)).toBeUndefined();
    expect(catalogue.lookupPort("db", 1)).toBe(catalogue.lookup("db"));
    // A change of another service leaves it the same object, by which waiting clients notice changes.
    const before = catalogue.lookupPort("shop", 9090);
    catalogue.change({ put: [service("db", 1)], gone: [] });
    expect(catalogue.lookupPort("shop", 9090)).toBe(before);
  });

  it("tells what the registry says is gone from what is only not known", () => {
    const catalogue = new Catalogue(() => {});
    expect(catalogue.isGone("api")).toBe(false);
    catalogue.welcome([service("api", 80), service("db", 1)], true);
    expect(catalogue.isGone("web")).toBe(false);
    catalogue.change({ put: [], gone: [], complete: true });
    expect(catalogue.isGone("web")).toBe(true);
    // Nothing is said while the uplink is away: what was known stays, and is not gone.
    expect(names(catalogue)).toEqual(["api", "db"]);
    expect(catalogue.isGone("api")).toBe(false);
    catalogue.change({ put: [], gone: ["api"] });
    expect(catalogue.isGone("api")).toBe(true);
    // Another welcome says so only once it is complete.
    catalogue.welcome([], true);
    expect(catalogue.isGone("db")).toBe(false);
    catalogue.change({ put: [], gone: [], complete: true });
    expect(catalogue.isGone("db")).toBe(true);
  });

  it("says of nothing that it is gone after the site was revoked, or while there are too many services", () => {
    const catalogue = new Catalogue(() => {});
    catalogue.welcome([service("api", 80)]);
    catalogue.clear();
    expect(names(catalogue)).toEqual([]);
    expect(catalogue.isGone("api")).toBe(false);
    catalogue.welcome([]);
    expect(catalogue.isGone("api")).toBe(true);
    catalogue.welcome(Array.from({ length: MAX_SERVICES + 1 }, (_, at) => service(`s${at}`, 80)));
    expect(catalogue.isGone("api")).toBe(false);
  });

  it("takes a limited number of services from the edge, and logs once that there are more", () => {
    const log = new MemoryLog();
    const catalogue = new Catalogue(() => {}, log);
    const many = Array.from({ length: MAX_SERVICES + 5 }, (_, at) => service(`s${at}`, 80));
    catalogue.welcome(many);
    catalogue.change({ put: [service("one-more", 80)], gone: [] });
    expect(catalogue.reachable()).toHaveLength(MAX_SERVICES);
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
    catalogue.change({ put: [service("s0", 81)], gone: ["s1"] });
    expect(catalogue.lookup("s0")?.port).toBe(81);
  });

  it("keeps the known services until a welcome is complete, and then drops those that the welcome did not name", () => {
    const catalogue = new Catalogue(() => {});
    catalogue.welcome([service("api", 80), service("db", 1), service("old", 2), service("ended", 3)]);
    catalogue.welcome([service("api", 80)], true);
    expect(names(catalogue)).toEqual(["api", "db", "ended", "old"]);
    catalogue.change({ put: [service("new", 4)], gone: ["ended"] });
    catalogue.change({ put: [service("db", 1)], gone: [], complete: true });
    expect(names(catalogue)).toEqual(["api", "db", "new"]);
    catalogue.change({ put: [], gone: [], complete: true });
    expect(names(catalogue)).toEqual(["api", "db", "new"]);
    // A complete welcome takes the place of one that was not.
    catalogue.welcome([], true);
    catalogue.welcome([service("web", 5)]);
    expect(names(catalogue)).toEqual(["web"]);
  });

  it("is replaced by a welcome", () => {
    const catalogue = new Catalogue(() => {});
    catalogue.change({ put: [service("old", 1)], gone: [] });
    expect(names(catalogue)).toEqual(["old"]);
    catalogue.welcome([service("api", 80)]);
    expect(names(catalogue)).toEqual(["api"]);
  });

  it("adds, replaces and removes by name, and leaves earlier answers as they were", () => {
    const catalogue = new Catalogue(() => {});
    catalogue.welcome([service("api", 80), service("db", 5432)]);
    const api = catalogue.lookup("api");
    const before = catalogue.reachable();
    catalogue.change({ put: [service("api", 81), service("web", 8080)], gone: ["db", "never"] });
    expect(catalogue.reachable().map(({ name, port }) => [name, port])).toEqual([
      ["api", 81],
      ["web", 8080],
    ]);
    expect(catalogue.lookup("db")).toBeUndefined();
    expect(api?.port).toBe(80);
    expect(before.map(({ name }) => name)).toEqual(["api", "db"]);
  });

  it("knows a service that only this site offers, and does not list it as reachable", () => {
    const catalogue = new Catalogue(() => {});
    catalogue.welcome([service("own", 1, []), service("api", 80)]);
    expect(names(catalogue)).toEqual(["api"]);
    expect(catalogue.lookup("own")?.port).toBe(1);
  });

  it("keeps a service that a change both removes and adds", () => {
    const catalogue = new Catalogue(() => {});
    catalogue.welcome([service("api", 80)]);
    catalogue.change({ put: [service("api", 81)], gone: ["api"] });
    expect(catalogue.lookup("api")?.port).toBe(81);
  });

  it("wakes a waiter at a change, after its time, and when its signal aborts", async () => {
    let changes = 0;
    const catalogue = new Catalogue(() => void changes++);
    const { signal } = new AbortController();
    const woken = catalogue.changed(600_000, signal);
    catalogue.welcome([]);
    await woken;
    expect(changes).toBe(1);
    await catalogue.changed(1, signal);
    await catalogue.changed(600_000, AbortSignal.abort());
    const leaving = new AbortController();
    const left = catalogue.changed(600_000, leaving.signal);
    leaving.abort();
    await left;
  });
});

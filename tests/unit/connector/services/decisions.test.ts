import { describe, expect, it } from "vitest";
import {
  EMPTY_CATALOGUE,
  fromWelcome,
  reachable,
  withChanges,
} from "../../../../connector/listeners/catalogue.ts";
import { CatalogueView, MAX_SERVICES } from "../../../../connector/listeners/catalogue-view.ts";
import type { Instance, VisibleService } from "../../../../protocol/uplink/messages.ts";
import { MemoryLog } from "../support/log.ts";

const instance = (site: string, boot: string): Instance => ({ site, siteName: site, boot });
const service = (
  name: string,
  port: number,
  offers: Instance[] = [instance("s1", "b1")],
): VisibleService => ({
  ...{ name, port, offers },
  protocol: "tcp",
});

describe("the catalogue", () => {
  it("takes a limited number of services from the edge, and says once that there are more", () => {
    const log = new MemoryLog();
    const view = new CatalogueView(() => {}, log);
    const many = Array.from({ length: MAX_SERVICES + 5 }, (_, at) => service(`s${at}`, 80));
    view.welcome(many);
    view.change({ put: [service("one-more", 80)], gone: [] });
    expect(view.reachable()).toHaveLength(MAX_SERVICES);
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
    view.change({ put: [service("s0", 81)], gone: ["s1"] });
    expect(view.lookup("s0")?.port).toBe(81);
  });

  it("keeps what it knew while a welcome is not all, and drops what is left of it in the end", () => {
    const names = () =>
      view
        .reachable()
        .map(({ name }) => name)
        .sort();
    const view = new CatalogueView(() => {});
    view.welcome([service("api", 80), service("db", 1), service("old", 2), service("ended", 3)]);
    view.welcome([service("api", 80)], true);
    expect(names()).toEqual(["api", "db", "ended", "old"]);
    view.change({ put: [service("new", 4)], gone: ["ended"] });
    view.change({ put: [service("db", 1)], gone: [], complete: true });
    expect(names()).toEqual(["api", "db", "new"]);
    view.change({ put: [], gone: [], complete: true });
    expect(names()).toEqual(["api", "db", "new"]);
    // One that is all takes the place of one that was not.
    view.welcome([], true);
    view.welcome([service("web", 5)]);
    expect(names()).toEqual(["web"]);
  });

  it("is replaced by a welcome", () => {
    const before = withChanges(EMPTY_CATALOGUE, { put: [service("old", 1)], gone: [] });
    expect([...before.keys()]).toEqual(["old"]);
    expect([...fromWelcome([service("api", 80)]).keys()]).toEqual(["api"]);
  });

  it("adds, replaces and removes by name, and leaves the one before as it was", () => {
    const before = fromWelcome([service("api", 80), service("db", 5432)]);
    const after = withChanges(before, {
      put: [service("api", 81), service("web", 8080)],
      gone: ["db", "never"],
    });
    expect([...after].map(([name, { port }]) => [name, port])).toEqual([
      ["api", 81],
      ["web", 8080],
    ]);
    expect(before.get("api")?.port).toBe(80);
    expect(before.has("db")).toBe(true);
  });

  it("knows a service that only this site offers, and needs no listener for it", () => {
    const catalogue = fromWelcome([service("own", 1, []), service("api", 80)]);
    expect(reachable(catalogue).map(({ name }) => name)).toEqual(["api"]);
  });
});

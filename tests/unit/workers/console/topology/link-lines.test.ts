import { describe, expect, it } from "vitest";
import { linkLines } from "../../../../../workers/console/app/topology/link-lines.ts";
import {
  EDGE,
  type SiteGraph,
  type SiteLink,
} from "../../../../../workers/console/app/topology/site-graph.ts";
import { layoutSites } from "../../../../../workers/console/app/topology/site-layout.ts";

const SINCE = "2026-11-01T00:00:00Z";

function graph(
  count: number,
  links: readonly (readonly [number, number | null, ("up" | "down")?])[],
): SiteGraph {
  return {
    sites: Array.from({ length: count }, (_, number) => ({
      id: `s${number}`,
      name: `site-${String(number).padStart(3, "0")}`,
      state: "up" as const,
      stopped: false,
      since: SINCE,
      instances: 1,
      services: 0,
      group: "site",
    })),
    links: links.map(
      ([joiner, issuer, state = "up"], index): SiteLink => ({
        id: `l${index}`,
        name: `link-${index}`,
        joiner: `s${joiner}`,
        issuer: issuer === null ? EDGE : `s${issuer}`,
        state,
        code: undefined,
        cost: 1,
        rtt: 3,
        since: SINCE,
      }),
    ),
  };
}

const mesh = (count: number) =>
  Array.from({ length: count }, (_, a) => Array.from({ length: a }, (__, b) => [a, b] as const)).flat();

describe("the lines of links", () => {
  it.each([2, 3, 4, 5, 8, 14])("between %i sites pass beside the edge, never behind it", (count) => {
    const all = graph(count, mesh(count));
    const layout = layoutSites(all);
    const curved = linkLines(all, layout, null).filter(({ path }) => path.includes("Q"));
    expect(curved.length).toBeGreaterThan(0);
    const { x, y, width, height } = layout.edge;
    for (const { path, points } of curved) {
      const hidden = points.filter(
        (point) => point.x > x && point.x < x + width && point.y > y && point.y < y + height,
      );
      expect([path, hidden]).toEqual([path, []]);
    }
  });

  it("are left out of a large mesh, but for those that are down and those of the chosen site", () => {
    const all = graph(30, [...mesh(30), [29, null], [4, 2, "down"]]);
    const layout = layoutSites(all);
    const drawn = (chosen: string | null) =>
      linkLines(all, layout, chosen).filter(({ links }) => links.length > 0);
    expect(drawn(null).map(({ id }) => id)).toEqual(["l435", "l436"]);
    expect(drawn("s7")).toHaveLength(29 + 2);
  });

  it("show that a site is connected to the edge, also without a link to the network", () => {
    const all = graph(2, [[0, null]]);
    const lines = linkLines(all, layoutSites(all), null);
    expect(lines.map(({ id, links }) => [id, links.length])).toEqual([
      ["uplink:s1", 0],
      ["l0", 1],
    ]);
  });

  it("tell a link that is broken from one whose site is down, and show the lost site's connection", () => {
    const all = graph(4, [
      [1, 0, "down"],
      [3, 2, "down"],
    ]);
    const sites = all.sites.map((site) => (site.id === "s0" ? { ...site, state: "down" as const } : site));
    const lines = linkLines({ ...all, sites }, layoutSites(all), null);
    const told = (id: string) => {
      const line = lines.find((each) => each.id === id);
      return [line?.state, line?.isConsequence];
    };
    expect(["l0", "l1", "uplink:s0", "uplink:s1"].map(told)).toEqual([
      ["down", true],
      ["down", false],
      ["down", false],
      ["up", false],
    ]);
  });

  it("show no connection of a site that was stopped, or that has not joined", () => {
    const all = graph(2, []);
    const [first, second] = all.sites;
    if (first === undefined || second === undefined) throw new Error("The graph has two sites.");
    const sites = [
      { ...first, state: "down" as const, stopped: true },
      { ...second, state: "new" as const },
    ];
    expect(linkLines({ ...all, sites }, layoutSites(all), null)).toEqual([]);
  });

  it("join boxes and the edge once, with the worst of their states", () => {
    const links = Array.from(
      { length: 80 },
      (_, number) => [number, null, number === 3 ? "down" : "up"] as const,
    );
    const all = graph(80, links);
    const lines = linkLines(all, layoutSites(all), null);
    expect(lines.map(({ links: own }) => own.length).reduce((a, b) => a + b)).toBe(80);
    expect(lines.map(({ state }) => state).sort()).toEqual(["degraded", ...lines.slice(1).map(() => "up")]);
  });
});

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

/** The points of a path of straight lines and quadratic curves. */
function pointsOf(path: string): { x: number; y: number }[] {
  const numbers = [...path.matchAll(/-?\d+(?:\.\d+)?/g)].map(Number);
  const [x0 = 0, y0 = 0, cx = 0, cy = 0, x1 = 0, y1 = 0] = numbers;
  return Array.from({ length: 21 }, (_, index) => {
    const t = index / 20;
    const [a, b, c] = [(1 - t) ** 2, 2 * t * (1 - t), t ** 2];
    return { x: a * x0 + b * cx + c * x1, y: a * y0 + b * cy + c * y1 };
  });
}

describe("the lines of links", () => {
  it.each([2, 3, 4, 5, 8, 14])("between %i sites pass beside the edge, never behind it", (count) => {
    const all = graph(count, mesh(count));
    const layout = layoutSites(all);
    const curved = linkLines(all, layout, null).filter(({ path }) => path.includes("Q"));
    expect(curved.length).toBeGreaterThan(0);
    const { x, y, width, height } = layout.edge;
    for (const { path } of curved) {
      const hidden = pointsOf(path).filter(
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

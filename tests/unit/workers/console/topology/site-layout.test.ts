import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linkLines } from "../../../../../workers/console/app/topology/link-lines.ts";
import { overlap, type Rectangle } from "../../../../../workers/console/app/topology/rectangle.ts";
import {
  EDGE,
  type SiteGraph,
  type SiteNode,
} from "../../../../../workers/console/app/topology/site-graph.ts";
import {
  isUntidy,
  layoutSites,
  MAX_FRAME,
  MAX_GROWN_FRAME,
  type SiteLayout,
} from "../../../../../workers/console/app/topology/site-layout.ts";

const site = (number: number, group: string): SiteNode => ({
  id: `s${number}`,
  name: `${group}-${number}`,
  state: "up",
  stopped: false,
  since: "2026-11-01T00:00:00Z",
  instances: 1,
  services: 0,
  group,
});

const graphOf = (sites: readonly SiteNode[]): SiteGraph => ({ sites, links: [] });

const GROUPS = ["berlin", "lima", "oslo", "other sites"];
const sites = (count: number): SiteNode[] =>
  Array.from({ length: count }, (_, index) => site(index, GROUPS[(index * 7) % 4] ?? ""));

function overlaps(layout: SiteLayout): string[] {
  const all: [string, Rectangle][] = [[EDGE, layout.edge], ...layout.places];
  const found = all.flatMap(([a, first], index) =>
    all.slice(index + 1).flatMap(([b, second]) => (overlap(first, second, 4) ? [`${a} and ${b}`] : [])),
  );
  const boxes = [layout.edge, ...layout.boxes.map(({ place }) => place)];
  for (const [index, first] of boxes.entries())
    if (layout.mode === "groups" && boxes.slice(index + 1).some((second) => overlap(first, second, 4)))
      found.push(`box ${index}`);
  return found;
}

/** Sites that both layouts have and that are not in the same place. */
const moved = (before: SiteLayout, after: SiteLayout) =>
  [...before.places].filter(([id, { x, y }]) => {
    const place = after.places.get(id);
    return place !== undefined && (place.x !== x || place.y !== y);
  });

describe("a fresh layout of sites", () => {
  it("has no overlap at any size up to 70, and at 300", () => {
    for (const count of [...Array(71).keys(), 300]) {
      const layout = layoutSites(graphOf(sites(count)));
      expect([count, layout.places.size, overlaps(layout)]).toEqual([count, count, []]);
    }
  });

  it("is the same for the same sites in any order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 90 }), fc.infiniteStream(fc.nat()), (count, numbers) => {
        const ordered = sites(count);
        const keys = ordered.map((each) => [numbers.next().value ?? 0, each] as const);
        const shuffled = keys.sort(([a], [b]) => a - b).map(([, each]) => each);
        const [first, second] = [layoutSites(graphOf(ordered)), layoutSites(graphOf(shuffled))];
        expect([...second.places].sort()).toEqual([...first.places].sort());
        expect(second.boxes.map(({ id }) => id)).toEqual(first.boxes.map(({ id }) => id));
      }),
      { numRuns: 40 },
    );
  });

  it(`draws boxes above ${MAX_FRAME} sites, and a frame around the edge below`, () => {
    expect(layoutSites(graphOf(sites(MAX_FRAME)))).toMatchObject({ mode: "frame", boxes: [] });
    const { mode, boxes } = layoutSites(graphOf(sites(300)));
    expect(mode).toBe("groups");
    expect(boxes.flatMap(({ sites: members }) => members)).toHaveLength(300);
  });

  it.each([2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16])("of %i sites is the same left and right", (count) => {
    const { places } = layoutSites(graphOf(sites(count)));
    const centres = [...places.values()].map((place) => [place.x + place.width / 2, place.y] as const);
    const mirrored = centres.filter(([x, y]) =>
      centres.some(([otherX, otherY]) => Math.abs(x + otherX) <= 1 && Math.abs(y - otherY) <= 1),
    );
    expect(mirrored).toHaveLength(count);
  });

  it.each([17, 30, 44])("of %i sites has lines that cross no other site", (count) => {
    const all = graphOf(sites(count));
    const layout = layoutSites(all);
    for (const { id, path } of linkLines(all, layout, null)) {
      const [x0 = 0, y0 = 0, x1 = 0, y1 = 0] = [...path.matchAll(/-?\d+(?:\.\d+)?/g)].map(Number);
      const lead = { x: Math.min(x0, x1), y: y0, width: Math.abs(x1 - x0), height: Math.abs(y1 - y0) };
      const crossed = [...layout.places].filter(
        ([site, place]) => id !== `uplink:${site}` && overlap(place, lead, 2),
      );
      expect([id, crossed]).toEqual([id, []]);
    }
  });

  it("has about the aspect of a screen at 300 sites", () => {
    const { bounds } = layoutSites(graphOf(sites(300)));
    expect(bounds.width / bounds.height).toBeGreaterThan(1.2);
    expect(bounds.width / bounds.height).toBeLessThan(2.8);
  });
});

describe("a layout that follows another", () => {
  it("moves no site when others come, go or change their state, and has no overlap", () => {
    const change = fc.record({
      add: fc.boolean(),
      number: fc.nat(400),
      group: fc.constantFrom(...GROUPS, "rio"),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(1, 3, 5, 12, 30, 44, 45, 120, 300),
        fc.array(change, { minLength: 1, maxLength: 14 }),
        (count, changes) => {
          let present = sites(count);
          let layout = layoutSites(graphOf(present));
          for (const { add, number, group } of changes) {
            const before = present;
            present = add
              ? [...present.filter(({ id }) => id !== `s${500 + number}`), site(500 + number, group)]
              : present.filter((_, index) => index !== number % present.length);
            present = present.map((each) => ({ ...each, state: each.state === "up" ? "down" : "up" }));
            if (present.length === 0) present = before;
            const next = layoutSites(graphOf(present), layout);
            expect(moved(layout, next)).toEqual([]);
            expect(overlaps(next)).toEqual([]);
            expect(next.places.size).toBe(present.length);
            layout = next;
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives a site that returns at once its place again when nothing else came", () => {
    const all = sites(30);
    const layout = layoutSites(graphOf(all));
    const gone = layoutSites(graphOf(all.slice(1)), layout);
    expect(gone.places.size).toBe(29);
    expect(isUntidy(graphOf(all.slice(1)), gone)).toBe(true);
  });

  it("grows from 3 sites to many without a move until groups are better", () => {
    let layout = layoutSites(graphOf(sites(3)));
    for (let count = 4; count <= MAX_GROWN_FRAME; count++) {
      const next = layoutSites(graphOf(sites(count)), layout);
      expect([count, moved(layout, next), overlaps(next)]).toEqual([count, [], []]);
      layout = next;
    }
    const grouped = layoutSites(graphOf(sites(MAX_GROWN_FRAME + 1)), layout);
    expect(grouped.mode).toBe("groups");
    for (let count = 66, last = grouped; count <= 300; count += 13) {
      const next = layoutSites(graphOf(sites(count)), last);
      expect([count, moved(last, next), overlaps(next)]).toEqual([count, [], []]);
      last = next;
    }
  });

  it("stays in boxes when sites go", () => {
    const layout = layoutSites(graphOf(sites(60)));
    const next = layoutSites(graphOf(sites(5)), layout);
    expect(next.mode).toBe("groups");
    expect(moved(layout, next)).toEqual([]);
    expect(isUntidy(graphOf(sites(5)), next)).toBe(true);
  });
});

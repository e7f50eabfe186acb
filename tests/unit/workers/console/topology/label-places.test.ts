import { describe, expect, it } from "vitest";
import {
  LABEL_HEIGHT,
  type LabelledLine,
  placeLabels,
} from "../../../../../workers/console/app/topology/label-places.ts";
import { around, overlap, type Point } from "../../../../../workers/console/app/topology/rectangle.ts";

const WIDTH = 60;

const straight = (from: Point, to: Point): Point[] =>
  Array.from({ length: 21 }, (_, index) => ({
    x: from.x + ((to.x - from.x) * index) / 20,
    y: from.y + ((to.y - from.y) * index) / 20,
  }));

const line = (id: string, points: Point[], rest: Partial<LabelledLine> = {}): LabelledLine => ({
  id,
  points,
  width: WIDTH,
  isUrgent: false,
  ...rest,
});

describe("the texts of lines", () => {
  it("stand in the middle of lines that are alone", () => {
    const labels = placeLabels([line("a", straight({ x: 0, y: 0 }, { x: 400, y: 200 }))], []);
    expect(labels.get("a")).toEqual({ x: 200, y: 100 });
  });

  it("do not cover each other where lines cross", () => {
    const lines = [
      line("a", straight({ x: 0, y: 0 }, { x: 400, y: 300 })),
      line("b", straight({ x: 0, y: 300 }, { x: 400, y: 0 })),
      line("c", straight({ x: 200, y: 0 }, { x: 200, y: 300 })),
    ];
    const places = [...placeLabels(lines, []).values()].map((at) => around(at, WIDTH, LABEL_HEIGHT));
    expect(places).toHaveLength(3);
    for (const [index, place] of places.entries())
      expect(places.slice(index + 1).filter((other) => overlap(place, other))).toEqual([]);
  });

  it("avoid nodes", () => {
    const node = around({ x: 200, y: 0 }, 120, 60);
    const at = placeLabels([line("a", straight({ x: 0, y: 0 }, { x: 400, y: 0 }))], [node]).get("a");
    expect(at !== undefined && overlap(around(at, WIDTH, LABEL_HEIGHT), node)).toBe(false);
  });

  it("are left out between neighbours without room, unless they are urgent", () => {
    const points = straight({ x: 0, y: 0 }, { x: 20, y: 0 });
    const nodes = [around({ x: -30, y: 0 }, 60, 40), around({ x: 50, y: 0 }, 60, 40)];
    expect(placeLabels([line("a", points)], nodes).size).toBe(0);
    expect(placeLabels([line("a", points, { isUrgent: true })], nodes).size).toBe(1);
  });

  it("are none for lines without a text", () => {
    const points = straight({ x: 0, y: 0 }, { x: 400, y: 0 });
    expect(placeLabels([line("a", points, { width: null })], []).size).toBe(0);
  });
});

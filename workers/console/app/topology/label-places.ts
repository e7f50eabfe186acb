/**
 * Where the texts of lines stand: each on its own line, apart from nodes, from other texts and from other lines where there
 * is room.
 */
import { around, isWithin, overlap, type Point, type Rectangle } from "./rectangle.ts";

/** A line, with the size of its text. */
export interface LabelledLine {
  readonly id: string;
  /** Points of the line, in order. */
  readonly points: readonly Point[];
  /** The width of the text, px; null for a line without one. */
  readonly width: number | null;
  /** Whether the text stands in any case. Others are left out where they would cover a node or a text. */
  readonly isUrgent: boolean;
}

/** The height of a text with its margin, px. */
export const LABEL_HEIGHT = 18;

/** Nodes and texts keep this distance, px. */
const GAP = 3;

/** What a text on a node, on another text and on a point of another line costs. */
const COSTS = { node: 1000, text: 400, line: 10 };

/** A text stands at this share of its line at least, and at most at the rest of it. */
const MIN_SHARE = 0.15;

/** The middles of the texts by the ids of their lines. The first lines have the first choice. */
export function placeLabels(
  lines: readonly LabelledLine[],
  nodes: readonly Rectangle[],
): ReadonlyMap<string, Point> {
  const places = new Map<string, Point>();
  const taken: Rectangle[] = [];
  for (const line of lines) {
    if (line.width === null) continue;
    const others = lines.filter(({ id }) => id !== line.id);
    let best: { readonly at: Point; readonly place: Rectangle; readonly cost: number } | undefined;
    for (const [rank, at] of fromTheMiddle(line.points).entries()) {
      const place = around(at, line.width, LABEL_HEIGHT);
      const cost = rank + costOf(place, nodes, taken, others);
      if (best === undefined || cost < best.cost) best = { at, place, cost };
    }
    if (best === undefined || (best.cost >= COSTS.text && !line.isUrgent)) continue;
    places.set(line.id, best.at);
    taken.push(best.place);
  }
  return places;
}

/** The points on which a text may stand, the middle first. */
function fromTheMiddle(points: readonly Point[]): readonly Point[] {
  const end = points.length - 1;
  const margin = Math.ceil(end * MIN_SHARE);
  return points
    .map((point, index) => ({ point, index }))
    .filter(({ index }) => index >= margin && index <= end - margin)
    .sort((a, b) => Math.abs(a.index - end / 2) - Math.abs(b.index - end / 2) || a.index - b.index)
    .map(({ point }) => point);
}

function costOf(
  place: Rectangle,
  nodes: readonly Rectangle[],
  taken: readonly Rectangle[],
  others: readonly LabelledLine[],
): number {
  const count = (all: readonly Rectangle[]) => all.filter((each) => overlap(each, place, GAP)).length;
  const crossed = others.reduce(
    (sum, { points }) => sum + points.filter((point) => isWithin(point, place)).length,
    0,
  );
  return COSTS.node * count(nodes) + COSTS.text * count(taken) + COSTS.line * Math.min(crossed, 20);
}

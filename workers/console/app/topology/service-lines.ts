/** Along which lines traffic between services and components is drawn. */
import { widthFor } from "./line-width.ts";
import type { Point, Rectangle } from "./rectangle.ts";
import type { ServiceEdge } from "./service-graph.ts";
import type { ServiceLayout } from "./service-layout.ts";

export interface ServiceLine {
  readonly edge: ServiceEdge;
  readonly path: string;
  /** Points a little above the line, in order, at which a label may stand. */
  readonly points: readonly Point[];
  /** px, by the bytes per second. */
  readonly width: number;
}

/** The lines of a layout, for edges whose ends are both in it. */
export function serviceLines(edges: readonly ServiceEdge[], { places }: ServiceLayout): ServiceLine[] {
  return edges.flatMap((edge) => {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    const { bytesToClient, bytesToTarget } = edge.rates;
    return [{ edge, ...curve(from, to), width: widthFor(bytesToClient + bytesToTarget) }];
  });
}

/** The distance of the middle of a label from its line, px. */
const LABEL_ABOVE = 11;

/** The parts in which the points of a line divide it. */
const PARTS = 20;

/** From the right side of one node to the left side of the other. */
function curve(from: Rectangle, to: Rectangle): Pick<ServiceLine, "path" | "points"> {
  const a = { x: from.x + from.width, y: from.y + from.height / 2 };
  const b = { x: to.x, y: to.y + to.height / 2 };
  const reach = Math.max(40, (b.x - a.x) / 2);
  return {
    path: `M${a.x} ${a.y}C${a.x + reach} ${a.y} ${b.x - reach} ${b.y} ${b.x} ${b.y}`,
    points: Array.from({ length: PARTS + 1 }, (_, part) => {
      const share = part / PARTS;
      const rest = 1 - share;
      const [p0, p1, p2, p3] = [rest ** 3, 3 * rest ** 2 * share, 3 * rest * share ** 2, share ** 3];
      return {
        x: Math.round(p0 * a.x + p1 * (a.x + reach) + p2 * (b.x - reach) + p3 * b.x),
        y: Math.round((p0 + p1) * a.y + (p2 + p3) * b.y) - LABEL_ABOVE,
      };
    }),
  };
}

/** Along which lines traffic between services and components is drawn. */
import type { Point, Rectangle } from "./rectangle.ts";
import type { ServiceEdge } from "./service-graph.ts";
import type { ServiceLayout } from "./service-layout.ts";

export interface ServiceLine {
  readonly edge: ServiceEdge;
  readonly path: string;
  readonly label: Point;
  /** px, by the bytes per second. */
  readonly width: number;
}

/** The lines of a layout, for edges whose ends are both in it. */
export function serviceLines(edges: readonly ServiceEdge[], { places }: ServiceLayout): ServiceLine[] {
  return edges.flatMap((edge) => {
    const [from, to] = [places.get(edge.from), places.get(edge.to)];
    if (from === undefined || to === undefined) return [];
    return [{ edge, ...curve(from, to), width: widthOf(edge) }];
  });
}

/** From the right side of one node to the left side of the other. */
function curve(from: Rectangle, to: Rectangle): { path: string; label: Point } {
  const a = { x: from.x + from.width, y: from.y + from.height / 2 };
  const b = { x: to.x, y: to.y + to.height / 2 };
  const reach = Math.max(40, (b.x - a.x) / 2);
  return {
    path: `M${a.x} ${a.y}C${a.x + reach} ${a.y} ${b.x - reach} ${b.y} ${b.x} ${b.y}`,
    label: { x: Math.round((a.x + b.x) / 2), y: Math.round((a.y + b.y) / 2) },
  };
}

/** 1.5 px without traffic, and up to 6 px; a tenfold rate adds 0.7 px from 100 B/s on. */
function widthOf({ rates }: ServiceEdge): number {
  const bytes = rates.bytesToClient + rates.bytesToTarget;
  return bytes <= 100 ? 1.5 : Math.min(6, 1.5 + 0.7 * (Math.log10(bytes) - 2));
}

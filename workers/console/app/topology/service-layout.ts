/**
 * The places of services and components: callers, services and what serves them lie in three columns. Dagre decides the
 * order in each, with few crossings; it would leave room for long lines, which the columns do without. As on the layout of sites, a node keeps its
 * place until somebody asks for a new arrangement.
 */
import dagre from "@dagrejs/dagre";
import { boundsOf, overlap, type Point, type Rectangle } from "./rectangle.ts";
import type { Column, ServiceGraph } from "./service-graph.ts";

export interface ServiceLayout {
  /** By the id of the node. */
  readonly places: ReadonlyMap<string, Rectangle>;
  readonly bounds: Rectangle;
  /** Above each column that has nodes. */
  readonly headings: readonly { readonly column: Column; readonly place: Rectangle }[];
  /** Whether nodes came or went since the arrangement. */
  readonly isUntidy: boolean;
}

const NODE = { width: 196, height: 46 };
/** Between nodes of a column, px. */
const GAP = 14;
/** Between columns, with room for the rates on the lines, px. */
const COLUMN_GAP = 200;

/** The height of the headings above the columns, px. */
const HEADING = 34;

const ROOT = "root";
const COLUMNS = { caller: 1, service: 2, server: 3 };

/** @param previous the layout on the screen, whose nodes keep their places; none for a fresh arrangement */
export function layoutServices(graph: ServiceGraph, previous?: ServiceLayout): ServiceLayout {
  const places = new Map<string, Rectangle>();
  for (const { id } of graph.nodes) {
    const place = previous?.places.get(id);
    if (place !== undefined) places.set(id, place);
  }
  if (previous !== undefined && places.size === graph.nodes.length)
    return places.size === previous.places.size ? previous : layoutOf(places, true);
  const fresh = arrange(graph);
  if (places.size === 0) return layoutOf(fresh, false);
  for (const { id } of graph.nodes) {
    const wanted = fresh.get(id);
    if (wanted === undefined || places.has(id)) continue;
    const { x, y } = shiftOf(id, graph, fresh, places);
    places.set(id, freePlace({ ...wanted, x: wanted.x + x, y: wanted.y + y }, [...places.values()]));
  }
  return layoutOf(places, true);
}

function layoutOf(places: ReadonlyMap<string, Rectangle>, isUntidy: boolean): ServiceLayout {
  const { y } = boundsOf(places.values());
  const used = new Set([...places.values()].map((place) => place.x));
  const headings = (["caller", "service", "server"] as const).flatMap((column) =>
    used.has(leftOf(column))
      ? [{ column, place: { x: leftOf(column), y: y - HEADING, width: NODE.width, height: HEADING } }]
      : [],
  );
  const bounds = boundsOf([...places.values(), ...headings.map(({ place }) => place)]);
  return { places, bounds, headings, isUntidy };
}

/** The left side of a column. */
const leftOf = (column: Column): number => (COLUMNS[column] - 1) * (NODE.width + COLUMN_GAP);

function arrange({ nodes, edges }: ServiceGraph): Map<string, Rectangle> {
  const layout = new dagre.graphlib.Graph();
  layout.setGraph({ rankdir: "LR", nodesep: GAP, ranksep: COLUMN_GAP, marginx: 0, marginy: 0 });
  layout.setDefaultEdgeLabel(() => ({}));
  for (const { id } of nodes) layout.setNode(id, { ...NODE });
  for (const { from, to } of edges) layout.setEdge(from, to);
  // An edge from a common root gives each node its column, whatever its other edges are.
  layout.setNode(ROOT, { width: 1, height: 1 });
  for (const { id, column } of nodes) layout.setEdge(ROOT, id, { minlen: COLUMNS[column], weight: 0 });
  dagre.layout(layout);
  const places = new Map<string, Rectangle>();
  for (const column of ["caller", "service", "server"] as const) {
    const inColumn = nodes.filter((node) => node.column === column);
    const order = inColumn.sort((a, b) => layout.node(a.id).y - layout.node(b.id).y);
    for (const [index, { id }] of order.entries()) {
      const y = (index - (order.length - 1) / 2) * (NODE.height + GAP) - NODE.height / 2;
      places.set(id, { x: leftOf(column), y: Math.round(y), ...NODE });
    }
  }
  return places;
}

/** How far the neighbours of a node, or else all nodes, were from their fresh places. */
function shiftOf(
  id: string,
  { edges }: ServiceGraph,
  fresh: ReadonlyMap<string, Rectangle>,
  places: ReadonlyMap<string, Rectangle>,
): Point {
  const near = edges.flatMap(({ from, to }) => (from === id ? [to] : to === id ? [from] : []));
  const known = near.filter((each) => places.has(each) && fresh.has(each));
  const from = known.length > 0 ? known : [...places.keys()].filter((each) => fresh.has(each));
  const middle = (axis: "x" | "y") => {
    const shifts = from.map((each) => (places.get(each)?.[axis] ?? 0) - (fresh.get(each)?.[axis] ?? 0));
    return shifts.sort((a, b) => a - b)[Math.floor(shifts.length / 2)] ?? 0;
  };
  return { x: middle("x"), y: middle("y") };
}

/** The free place nearest to the wanted one, above or below it. */
function freePlace(wanted: Rectangle, taken: readonly Rectangle[]): Rectangle {
  for (let step = 0; ; step++) {
    for (const sign of step === 0 ? [1] : [1, -1]) {
      const place = { ...wanted, y: wanted.y + sign * step * (NODE.height + GAP) };
      if (!taken.some((other) => overlap(other, place, GAP / 2))) return place;
    }
  }
}

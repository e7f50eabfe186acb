/** Which links are drawn, and along which lines. */

import { LINE_ABOVE } from "./group-places.ts";
import { centreOf, grown, isWithin, type Point, type Rectangle } from "./rectangle.ts";
import { EDGE, type SiteGraph, type SiteLink } from "./site-graph.ts";
import type { SiteLayout } from "./site-layout.ts";

/**
 * A line between two nodes: one link, all links of a box with the edge, or none for the connection of a site without a
 * link to the network.
 */
export interface LinkLine {
  readonly id: string;
  readonly links: readonly SiteLink[];
  readonly state: "up" | "degraded" | "down";
  /** Whether the link is down because a site at its end is. */
  readonly isConsequence: boolean;
  /** Of an SVG path. */
  readonly path: string;
  /** Points of the line, in order, on which a label may stand. */
  readonly points: readonly Point[];
}

/** Links between sites are all drawn up to this number; above, those that are down and those of the chosen site are. */
const MAX_LINES = 160;

/** The lines of a layout. @param chosen id of the site whose links are drawn in any case */
export function linkLines(graph: SiteGraph, layout: SiteLayout, chosen: string | null): LinkLine[] {
  return layout.mode === "frame" ? frameLines(graph, layout, chosen) : groupLines(graph, layout, chosen);
}

function frameLines(
  { sites, links }: SiteGraph,
  { places, edge, lead }: SiteLayout,
  chosen: string | null,
): LinkLine[] {
  const isDown = new Set(sites.filter(({ state }) => state === "down").map(({ id }) => id));
  const between = links.filter(({ issuer }) => issuer !== EDGE).length;
  const lines = links.flatMap((link): LinkLine[] => {
    const joiner = places.get(link.joiner);
    const issuer = link.issuer === EDGE ? edge : places.get(link.issuer);
    if (joiner === undefined || issuer === undefined) return [];
    const shown =
      between <= MAX_LINES ||
      link.issuer === EDGE ||
      link.state === "down" ||
      [link.joiner, link.issuer].includes(chosen ?? "");
    if (!shown) return [];
    const isConsequence =
      link.state === "down" &&
      link.issuer !== EDGE &&
      [link.joiner, link.issuer].some((id) => isDown.has(id));
    const line = lineBetween(joiner, issuer, edge, lead);
    return [{ id: link.id, links: [link], state: link.state, isConsequence, ...line }];
  });
  const linked = new Set(links.filter(({ issuer }) => issuer === EDGE).map(({ joiner }) => joiner));
  const uplinks = sites.flatMap(({ id, state, stopped }): LinkLine[] => {
    const place = places.get(id);
    if (place === undefined || linked.has(id) || state === "new" || stopped) return [];
    const line = lineBetween(place, edge, edge, lead);
    return [
      {
        id: `uplink:${id}`,
        links: [],
        state: state === "down" ? "down" : "up",
        isConsequence: false,
        ...line,
      },
    ];
  });
  return [...uplinks, ...lines];
}

/** Where a line leaves a node: in the middle of the side that faces the edge. */
export function portOf(place: Rectangle, edge: Rectangle): Point {
  const [at, to] = [centreOf(place), centreOf(edge)];
  const [dx, dy] = [to.x - at.x, to.y - at.y];
  const sideways = Math.abs(dx) - place.width / 2 >= Math.abs(dy) - place.height / 2;
  return sideways
    ? { x: at.x + (Math.sign(dx) * place.width) / 2, y: at.y }
    : { x: at.x, y: at.y + (Math.sign(dy) * place.height) / 2 };
}

/** A line that does not end at the edge keeps this distance from it, px. */
const CLEARANCE = 16;

/** How far towards the edge's centre a line is bent: the first share with which it passes beside the edge. */
const BENDS = [0.35, 0.2, 0.55, 0];

/** How far from the edge's centre a line is bent that leads through it otherwise, px. */
const DETOURS = [180, 260, 340, 440];

/** The parts in which the points of a line divide it. */
const PARTS = 20;

function lineBetween(
  a: Rectangle,
  b: Rectangle,
  edge: Rectangle,
  lead: number | null,
): Pick<LinkLine, "path" | "points"> {
  const [start, from] = endOf(a, edge, lead);
  if (b === edge) {
    // The end lies below the edge.
    const to = centreOf(edge);
    const border = borderToward(edge, from);
    const points = Array.from({ length: PARTS + 1 }, (_, part) => between(from, border, part / PARTS));
    return { path: `M${start.x} ${start.y}L${from.x} ${from.y}L${to.x} ${to.y}`, points };
  }
  const [end, to] = endOf(b, edge, lead);
  const control = controlOf(from, to, edge);
  const curve = `Q${control.x} ${control.y} ${to.x} ${to.y}`;
  return {
    path: `M${start.x} ${start.y}L${from.x} ${from.y}${curve}L${end.x} ${end.y}`,
    points: curvePoints(from, control, to),
  };
}

/** Where a line leaves a node, and where it leaves the columns of nodes. */
function endOf(place: Rectangle, edge: Rectangle, lead: number | null): [Point, Point] {
  const port = portOf(place, edge);
  if (lead === null) return [port, port];
  const side = Math.sign(centreOf(place).x);
  const y = centreOf(place).y;
  return [
    { x: centreOf(place).x - (side * place.width) / 2, y },
    { x: side * lead, y },
  ];
}

/** The control point of a curve that passes beside the edge. */
function controlOf(from: Point, to: Point, edge: Rectangle): Point {
  const centre = centreOf(edge);
  const middle = between(from, to, 0.5);
  const blocked = grown(edge, CLEARANCE);
  const isFree = (control: Point) =>
    !curvePoints(from, control, to).some((point) => isWithin(point, blocked));
  const bent = BENDS.map((share) => between(middle, centre, share));
  const [dx, dy] = [middle.x - centre.x, middle.y - centre.y];
  const distance = Math.hypot(dx, dy);
  // At right angles to the line where it leads through the middle.
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [ux, uy] =
    distance > 1 ? [dx / distance, dy / distance] : [-(to.y - from.y) / length, (to.x - from.x) / length];
  const around = DETOURS.map((far) => ({ x: round(centre.x + ux * far), y: round(centre.y + uy * far) }));
  return [...bent, ...around].find(isFree) ?? around.at(-1) ?? middle;
}

/** Points of a quadratic curve. */
function curvePoints(from: Point, control: Point, to: Point): Point[] {
  return Array.from({ length: PARTS + 1 }, (_, part) => {
    const share = part / PARTS;
    const [a, b, c] = [(1 - share) ** 2, 2 * share * (1 - share), share ** 2];
    return {
      x: round(a * from.x + b * control.x + c * to.x),
      y: round(a * from.y + b * control.y + c * to.y),
    };
  });
}

const round = (value: number) => Math.round(value);

const between = (a: Point, b: Point, share: number): Point => ({
  x: round(a.x + (b.x - a.x) * share),
  y: round(a.y + (b.y - a.y) * share),
});

/** Where the line from the centre of a rectangle to a point leaves it. */
function borderToward(rectangle: Rectangle, point: Point): Point {
  const centre = centreOf(rectangle);
  const [dx, dy] = [point.x - centre.x, point.y - centre.y];
  const share = Math.min(
    dx === 0 ? 1 : rectangle.width / 2 / Math.abs(dx),
    dy === 0 ? 1 : rectangle.height / 2 / Math.abs(dy),
    1,
  );
  return { x: round(centre.x + dx * share), y: round(centre.y + dy * share) };
}

/** Links of a box with the edge are one line; links between boxes are lines of the chosen site, and those that are down. */
function groupLines({ links }: SiteGraph, layout: SiteLayout, chosen: string | null): LinkLine[] {
  const { boxes, edge, places } = layout;
  const boxOf = new Map(boxes.flatMap((box) => box.sites.map((site) => [site, box] as const)));
  const byBox = new Map<string, SiteLink[]>();
  const lines: LinkLine[] = [];
  for (const link of links) {
    const box = boxOf.get(link.joiner);
    if (box === undefined) continue;
    if (link.issuer === EDGE) {
      byBox.set(box.id, [...(byBox.get(box.id) ?? []), link]);
      continue;
    }
    const [a, b] = [places.get(link.joiner), places.get(link.issuer)];
    const isChosen = link.joiner === chosen || link.issuer === chosen;
    if (a === undefined || b === undefined || !isChosen) continue;
    const [from, to] = [centreOf(a), centreOf(b)];
    lines.push({
      id: link.id,
      links: [link],
      state: link.state,
      isConsequence: false,
      path: `M${from.x} ${from.y}L${to.x} ${to.y}`,
      points: [between(from, to, 0.5)],
    });
  }
  for (const box of boxes) {
    const own = byBox.get(box.id) ?? [];
    const up = own.filter(({ state }) => state === "up").length;
    const x = centreOf(box.place).x;
    const y = box.place.y - LINE_ABOVE;
    const side = x < 0 ? edge.x : edge.x + edge.width;
    lines.push({
      id: `box:${box.id}`,
      links: own,
      state: up === own.length ? "up" : up === 0 ? "down" : "degraded",
      isConsequence: false,
      path: `M${x} ${box.place.y}V${y}H${side}`,
      points: [{ x: Math.round((x + side) / 2), y }],
    });
  }
  return lines;
}

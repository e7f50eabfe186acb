/** Which links are drawn, and along which lines. */

import { LINE_ABOVE } from "./group-places.ts";
import { centreOf, type Point, type Rectangle } from "./rectangle.ts";
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
  /** Of an SVG path. */
  readonly path: string;
  /** Where the label goes. */
  readonly label: Point;
}

/** Links between sites are all drawn up to this number; above, those that are down and those of the chosen site are. */
const MAX_LINES = 160;

/** The lines of a layout. @param chosen id of the site whose links are drawn in any case */
export function linkLines(graph: SiteGraph, layout: SiteLayout, chosen: string | null): LinkLine[] {
  return layout.mode === "frame" ? frameLines(graph, layout, chosen) : groupLines(graph, layout, chosen);
}

function frameLines(
  { sites, links }: SiteGraph,
  { places, edge }: SiteLayout,
  chosen: string | null,
): LinkLine[] {
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
    return [{ id: link.id, links: [link], state: link.state, ...lineBetween(joiner, issuer, edge) }];
  });
  const linked = new Set(links.filter(({ issuer }) => issuer === EDGE).map(({ joiner }) => joiner));
  const uplinks = sites.flatMap(({ id, state }): LinkLine[] => {
    const place = places.get(id);
    if (place === undefined || linked.has(id) || (state !== "up" && state !== "silent")) return [];
    return [{ id: `uplink:${id}`, links: [], state: "up", ...lineBetween(place, edge, edge) }];
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

/** A line keeps this distance from the centre of the edge, px, unless it ends there. */
const CLEARANCE = 120;

function lineBetween(a: Rectangle, b: Rectangle, edge: Rectangle): { path: string; label: Point } {
  const from = portOf(a, edge);
  if (b === edge) {
    // The end lies below the edge.
    const to = centreOf(edge);
    const label = between(from, borderToward(edge, from), 0.45);
    return { path: `M${from.x} ${from.y}L${to.x} ${to.y}`, label };
  }
  const to = portOf(b, edge);
  const centre = centreOf(edge);
  const middle = between(from, to, 0.5);
  const inward = between(middle, centre, 0.35);
  const [dx, dy] = [inward.x - centre.x, inward.y - centre.y];
  const distance = Math.hypot(dx, dy);
  let control = inward;
  if (distance < CLEARANCE) {
    // Beside the edge: at right angles to the line where it leads through the middle.
    const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
    const [ux, uy] =
      distance > 1 ? [dx / distance, dy / distance] : [-(to.y - from.y) / length, (to.x - from.x) / length];
    control = { x: centre.x + ux * CLEARANCE * 2, y: centre.y + uy * CLEARANCE * 2 };
  }
  const label = {
    x: Math.round(from.x / 4 + control.x / 2 + to.x / 4),
    y: Math.round(from.y / 4 + control.y / 2 + to.y / 4),
  };
  return { path: `M${from.x} ${from.y}Q${round(control.x)} ${round(control.y)} ${to.x} ${to.y}`, label };
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
    const label = between(from, to, 0.5);
    lines.push({
      id: link.id,
      links: [link],
      state: link.state,
      path: `M${from.x} ${from.y}L${to.x} ${to.y}`,
      label,
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
      path: `M${x} ${box.place.y}V${y}H${side}`,
      label: { x: Math.round((x + side) / 2), y },
    });
  }
  return lines;
}

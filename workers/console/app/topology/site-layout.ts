/**
 * The places of sites around the edge. A place, once given, is kept: a site that comes takes a free place, one that goes
 * leaves a gap, and nothing else moves until somebody asks for a new arrangement. The same sites in any order get the
 * same places.
 */
import { compareText } from "../../../../protocol/compare-text.ts";
import { type Density, framePlaces } from "./frame-places.ts";
import { groupPlaces, type SiteBox } from "./group-places.ts";
import { boundsOf, type Rectangle } from "./rectangle.ts";
import type { SiteGraph, SiteNode } from "./site-graph.ts";

/** "frame" draws each site on a frame around the edge, "groups" draws boxes of sites. */
export type LayoutMode = "frame" | "groups";

export interface SiteLayout {
  readonly mode: LayoutMode;
  readonly density: Density;
  /** By the id of the site. */
  readonly places: ReadonlyMap<string, Rectangle>;
  /** Boxes of the mode "groups". */
  readonly boxes: readonly SiteBox[];
  readonly edge: Rectangle;
  readonly bounds: Rectangle;
  /** Which place of the arrangement each site has. */
  readonly slots: ReadonlyMap<string, number>;
  /** The innermost places, or the width of a half of the groups, px. */
  readonly size: number;
  /** The distance from the edge's centre at which the lines of all sites begin, px; null where each begins at its site. */
  readonly lead: number | null;
}

/** The most sites of a fresh arrangement on a frame. */
export const MAX_FRAME = 44;

/** A frame that sites were added to becomes groups above this number. */
export const MAX_GROWN_FRAME = 64;

/**
 * Places the sites of a graph.
 *
 * @param previous the layout on the screen, whose sites keep their places; none for a fresh arrangement
 */
export function layoutSites({ sites }: SiteGraph, previous?: SiteLayout): SiteLayout {
  const ordered = [...sites].sort((a, b) => compareText(a.group, b.group) || compareText(a.name, b.name));
  const frame =
    previous?.mode === "frame" && previous.places.size > 0
      ? ordered.length <= MAX_GROWN_FRAME
      : !isGroups(previous) && ordered.length <= MAX_FRAME;
  const kept =
    previous?.mode === (frame ? "frame" : "groups") && previous.places.size > 0 ? previous : undefined;
  return frame ? onFrame(ordered, kept) : inGroups(ordered, kept);
}

const isGroups = (layout: SiteLayout | undefined): boolean =>
  layout?.mode === "groups" && layout.places.size > 0;

function onFrame(sites: readonly SiteNode[], kept: SiteLayout | undefined): SiteLayout {
  const size = kept?.size ?? frameSize(sites.length);
  const slots = kept === undefined ? spread(sites, size) : keepSlots(sites, kept.slots);
  const { place, density, edge, lead } = framePlaces(size);
  const places = new Map([...slots].map(([id, slot]) => [id, place(slot)]));
  const bounds = boundsOf([edge, ...places.values()]);
  return { mode: "frame", density, places, boxes: [], edge, bounds, slots, size, lead };
}

/** Up to four sites leave free places between them. More have their frame for themselves, so that it is even. */
const frameSize = (count: number): number => (count <= 4 ? 2 * Math.max(1, count) : count);

/** Spreads sites evenly over a frame, in their order. */
function spread(sites: readonly SiteNode[], size: number): Map<string, number> {
  return new Map(sites.map(({ id }, index) => [id, Math.floor((index * size) / sites.length)]));
}

/** Sites keep their slots; new ones take the lowest free slots, by their order. */
function keepSlots(sites: readonly SiteNode[], previous: ReadonlyMap<string, number>): Map<string, number> {
  const slots = new Map<string, number>();
  for (const { id } of sites) {
    const slot = previous.get(id);
    if (slot !== undefined) slots.set(id, slot);
  }
  const taken = new Set(slots.values());
  let next = 0;
  for (const { id } of sites) {
    if (slots.has(id)) continue;
    while (taken.has(next)) next++;
    taken.add(next);
    slots.set(id, next);
  }
  return slots;
}

function inGroups(sites: readonly SiteNode[], kept: SiteLayout | undefined): SiteLayout {
  const { places, boxes, edge, slots, size } = groupPlaces(sites, kept);
  const bounds = boundsOf([edge, ...boxes.map(({ place }) => place)]);
  return { mode: "groups", density: "chip", places, boxes, edge, bounds, slots, size, lead: null };
}

/** Whether a fresh arrangement would look different. */
export function isUntidy(graph: SiteGraph, layout: SiteLayout): boolean {
  const fresh = layoutSites(graph);
  if (fresh.places.size !== layout.places.size) return true;
  return [...fresh.places].some(([id, { x, y }]) => {
    const place = layout.places.get(id);
    return place === undefined || place.x !== x || place.y !== y;
  });
}

/**
 * Places of many sites: each group has one or more boxes with a grid of sites, and boxes lie in rows on both sides of the
 * edge, which is a bar from top to bottom. The space above each row is free for the lines to the edge.
 */
import { boundsOf, overlap, type Rectangle } from "./rectangle.ts";
import { compareGroups, type SiteNode } from "./site-graph.ts";

/** A box of sites. A group with more sites than a box holds has several. */
export interface SiteBox {
  /** The group's name, `#` and the number of the box, from 1. */
  readonly id: string;
  readonly group: string;
  readonly place: Rectangle;
  /** Columns of sites in the box, of {@link ROWS} each. */
  readonly columns: number;
  readonly sites: readonly string[];
}

const CHIP = { width: 96, height: 22, gap: 4 };
const PADDING = 8;
const HEADER = 46;
/** Sites on top of each other in a box. */
const ROWS = 5;
const MIN_COLUMNS = 2;
const MAX_COLUMNS = 10;
/** Sites in a box of a fresh arrangement; the rest of the box is free for sites to come. */
const MAX_FRESH = (MAX_COLUMNS - 1) * ROWS;
const BOX_HEIGHT = HEADER + ROWS * (CHIP.height + CHIP.gap) - CHIP.gap + PADDING;
const BOX_GAP = 16;
/** From the upper side of one row of boxes to that of the next, px. */
const ROW_STEP = BOX_HEIGHT + 30;
const BAR_WIDTH = 136;
const BAR_GAP = 22;
/** Width to height of what is drawn. */
const ASPECT = 1.8;

export interface GroupPlaces {
  readonly places: ReadonlyMap<string, Rectangle>;
  readonly boxes: readonly SiteBox[];
  readonly edge: Rectangle;
  readonly slots: ReadonlyMap<string, number>;
  /** The width of each side, px. */
  readonly size: number;
}

interface OpenBox {
  readonly id: string;
  readonly group: string;
  readonly columns: number;
  place: Rectangle;
  /** Sites by their slots in the box. */
  readonly taken: Map<number, string>;
}

/** @param kept the layout of which boxes and sites keep their places */
export function groupPlaces(
  sites: readonly SiteNode[],
  kept?: Pick<GroupPlaces, "boxes" | "slots" | "size">,
): GroupPlaces {
  const byGroup = new Map<string, SiteNode[]>();
  const boxes = new Map<string, OpenBox>();
  const known = new Map<string, SiteBox>();
  for (const box of kept?.boxes ?? []) for (const id of box.sites) known.set(id, box);
  for (const site of sites) {
    const box = known.get(site.id);
    if (box === undefined) {
      byGroup.set(site.group, [...(byGroup.get(site.group) ?? []), site]);
      continue;
    }
    const open = boxes.get(box.id) ?? { ...box, taken: new Map() };
    boxes.set(box.id, open);
    open.taken.set(kept?.slots.get(site.id) ?? 0, site.id);
  }
  const added: OpenBox[] = [];
  for (const [group, members] of [...byGroup].sort(([a], [b]) => compareGroups(a, b)))
    added.push(...fill(group, members, boxes));
  const size = kept?.size ?? sideFor(added);
  placeBoxes(
    added,
    [...boxes.values()].filter((box) => !added.includes(box)),
    size,
  );
  return finish([...boxes.values()], size);
}

/** Gives sites the free places of their group's boxes, then places in new boxes, which it returns. */
function fill(group: string, sites: readonly SiteNode[], boxes: Map<string, OpenBox>): OpenBox[] {
  const rest = [...sites];
  for (const box of boxes.values()) {
    if (box.group !== group) continue;
    for (let slot = 0; slot < box.columns * ROWS && rest.length > 0; slot++) {
      const site = box.taken.has(slot) ? undefined : rest.shift();
      if (site !== undefined) box.taken.set(slot, site.id);
    }
  }
  const added: OpenBox[] = [];
  const count = Math.ceil(rest.length / MAX_FRESH);
  const share = Math.ceil(rest.length / Math.max(1, count));
  for (let number = 1; rest.length > 0; number++) {
    const id = `${group}#${number}`;
    if (boxes.has(id)) continue;
    const members = rest.splice(0, share);
    const columns = Math.max(MIN_COLUMNS, Math.ceil((members.length + 1) / ROWS));
    const box: OpenBox = {
      id,
      group,
      columns,
      place: { x: 0, y: 0, width: widthOf(columns), height: BOX_HEIGHT },
      taken: new Map(members.map((site, slot) => [slot, site.id])),
    };
    boxes.set(id, box);
    added.push(box);
  }
  return added;
}

const widthOf = (columns: number) => columns * (CHIP.width + CHIP.gap) - CHIP.gap + 2 * PADDING;

/** The width of each side with which all is largest on a screen. */
function sideFor(boxes: readonly OpenBox[]): number {
  const widest = boxes.reduce((most, { place }) => Math.max(most, place.width), 0);
  const total = boxes.reduce((sum, { place }) => sum + place.width + BOX_GAP, 0);
  let best = { side: widest, extent: Number.POSITIVE_INFINITY };
  for (let side = widest; side < total + widest; side += CHIP.width) {
    placeBoxes(boxes, [], side);
    const { width, height } = boundsOf(boxes.map(({ place }) => place));
    const extent = Math.max(width / ASPECT, height);
    if (extent < best.extent) best = { side, extent };
  }
  return best.side;
}

/** Places boxes row by row, each on the side with more room, as near to the edge as no other box is. */
function placeBoxes(added: readonly OpenBox[], present: readonly OpenBox[], size: number): void {
  const placed = present.map(({ place }) => place);
  for (const box of added) {
    box.place = freePlace(box.place.width, placed, size);
    placed.push(box.place);
  }
}

function freePlace(width: number, placed: readonly Rectangle[], size: number): Rectangle {
  for (let row = 0; ; row++) {
    const y = row * ROW_STEP;
    const inRow = placed.filter((place) => place.y === y);
    const sides = ([-1, 1] as const).map((side) => {
      const start = BAR_WIDTH / 2 + BAR_GAP;
      const used = inRow.reduce((far, { x, width: wide }) => {
        const outer = side < 0 ? -x : x + wide;
        return outer > 0 && Math.sign(x + wide / 2) === side ? Math.max(far, outer + BOX_GAP) : far;
      }, start);
      const place = { x: side < 0 ? -used - width : used, y, width, height: BOX_HEIGHT };
      return { place, used, fits: used - start + width <= size || used === start };
    });
    const best = sides.filter(({ fits }) => fits).sort((a, b) => a.used - b.used)[0];
    if (best !== undefined && !placed.some((other) => overlap(other, best.place))) return best.place;
  }
}

function finish(open: readonly OpenBox[], size: number): GroupPlaces {
  const places = new Map<string, Rectangle>();
  const slots = new Map<string, number>();
  const boxes = open.map(({ id, group, columns, place, taken }): SiteBox => {
    const bySlot = [...taken].sort(([a], [b]) => a - b);
    for (const [slot, site] of bySlot) {
      slots.set(site, slot);
      places.set(site, chipPlace(place, slot));
    }
    return { id, group, columns, place, sites: bySlot.map(([, site]) => site) };
  });
  boxes.sort((a, b) => a.place.y - b.place.y || a.place.x - b.place.x);
  const bottom = boxes.reduce((most, { place }) => Math.max(most, place.y + place.height), BOX_HEIGHT);
  const edge = { x: -BAR_WIDTH / 2, y: -30, width: BAR_WIDTH, height: bottom + 30 };
  return { places, boxes, edge, slots, size };
}

/** Slots run down the columns. */
function chipPlace({ x, y }: Rectangle, slot: number): Rectangle {
  const [column, row] = [Math.floor(slot / ROWS), slot % ROWS];
  return {
    x: x + PADDING + column * (CHIP.width + CHIP.gap),
    y: y + HEADER + row * (CHIP.height + CHIP.gap),
    width: CHIP.width,
    height: CHIP.height,
  };
}

/** The height above a box at which its line runs to the edge, px. */
export const LINE_ABOVE = 14;

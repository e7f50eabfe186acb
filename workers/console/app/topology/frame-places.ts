/**
 * Places around the edge: on an ellipse, on a frame, or in two columns on each side of the edge. Every line from a place to
 * the edge, and to another place, is free of nodes.
 */
import { around, type Point, type Rectangle } from "./rectangle.ts";

/** How much of a site fits in its node. */
export type Density = "card" | "compact" | "chip";

interface FrameForm {
  readonly width: number;
  readonly height: number;
  /** Distances between the centres of neighbours. */
  readonly stepX: number;
  readonly stepY: number;
}

const CARD: FrameForm = { width: 196, height: 60, stepX: 220, stepY: 88 };

/** The most places of a frame; more are in columns. */
const MAX_CARDS = 16;

/** The most places on an ellipse. */
const MAX_ELLIPSE = 8;
const ELLIPSE: Point = { x: 380, y: 196 };

/** How far the middle of each side of a frame is bowed out, px. */
const BOW: Point = { x: 56, y: 30 };

/** The least distance of the upper and the lower side of a frame from the edge's centre, px. */
const MIN_HEIGHT = 200;

/** Width to height of a frame that is largest on a screen. */
const ASPECT = 1.7;

export interface FramePlaces {
  readonly density: Density;
  readonly edge: Rectangle;
  /** The rectangle of a place. Places from the size on lie outside of the others. */
  readonly place: (slot: number) => Rectangle;
  /** The distance of the inner columns from the edge's centre, px: all lines begin there. Null without columns. */
  readonly lead: number | null;
}

/** @param size the number of the innermost places */
export function framePlaces(size: number): FramePlaces {
  const edge = around({ x: 0, y: 0 }, 148, 72);
  return size > MAX_CARDS
    ? { density: "compact", edge, place: inColumns(size), lead: LEAD }
    : { density: "card", edge, place: onFrames(size), lead: null };
}

function onFrames(size: number): FramePlaces["place"] {
  const rectangle = (at: Point) => around(at, CARD.width, CARD.height);
  const ellipse = size <= MAX_ELLIPSE;
  const first = ellipse ? { upper: 5, lower: 5, down: 6 } : sidesOf(size, CARD);
  return (slot) => {
    if (slot < size) return rectangle(ellipse ? onEllipse(slot, size) : onFrame(slot, first, CARD));
    let rest = slot - size;
    for (let outer = ellipse ? 0 : 1; ; outer++) {
      const across = first.upper + 2 * outer;
      const frame = { upper: across, lower: across, down: first.down + 2 * outer };
      const places = 2 * (frame.upper + frame.down);
      if (rest < places) return rectangle(onFrame(rest, frame, CARD));
      rest -= places;
    }
  };
}

const COMPACT = { width: 150, height: 34, step: 54, gap: 20 };

/** The inner columns begin at this distance from the edge's centre, px. */
const LEAD = 200;

/** The centres of the columns, from the left. */
const COLUMNS = [
  -(LEAD + 1.5 * COMPACT.width + COMPACT.gap),
  -(LEAD + COMPACT.width / 2),
  LEAD + COMPACT.width / 2,
  LEAD + 1.5 * COMPACT.width + COMPACT.gap,
] as const;

/** Two columns on each side, of which the outer one lies half a step higher: its lines pass between the inner places. */
function inColumns(size: number): FramePlaces["place"] {
  const { width, height, step } = COMPACT;
  const [left, right] = [Math.ceil(size / 2), Math.floor(size / 2)];
  const counts = [Math.ceil(left / 2), Math.floor(left / 2), Math.floor(right / 2), Math.ceil(right / 2)];
  const isOuter = (column: number) => column === 0 || column === 3;
  const top = (column: number) => {
    const [own, beside] = [counts[column] ?? 0, counts[[1, 0, 3, 2][column] ?? 0] ?? 0];
    // Where both columns have as many places, centred ones would lie at the same height.
    const shift = own === beside ? (isOuter(column) ? -step / 4 : step / 4) : 0;
    return shift - ((own - 1) / 2) * step;
  };
  const place = (column: number, y: number) =>
    around({ x: COLUMNS[column] ?? 0, y: Math.round(y) }, width, height);
  const bottom = Math.max(...counts.map((count, column) => top(column) + count * step));
  return (slot) => {
    let rest = slot;
    for (const [column, count] of counts.entries()) {
      if (rest < count) return place(column, top(column) + rest * step);
      rest -= count;
    }
    const column = rest % COLUMNS.length;
    const row = Math.floor(rest / COLUMNS.length);
    return place(column, bottom + step / 2 + row * step + (isOuter(column) ? 0 : step / 2));
  };
}

/** Clockwise, even, and the same left and right: from the left, from the upper left corner, or from the top. */
function onEllipse(slot: number, size: number): Point {
  const start = size === 8 ? (-3 * Math.PI) / 4 : [1, 2, 4].includes(size) ? Math.PI : -Math.PI / 2;
  const angle = start + (2 * Math.PI * slot) / size;
  return { x: Math.round(ELLIPSE.x * Math.cos(angle)), y: Math.round(ELLIPSE.y * Math.sin(angle)) };
}

interface Sides {
  /** Places of the upper side: as many as the lower one has, or one more. */
  readonly upper: number;
  readonly lower: number;
  /** Places of the left side, and of the right one. */
  readonly down: number;
}

/** The sides with which a frame of a size is largest on a screen. */
function sidesOf(size: number, form: FrameForm): Sides {
  let best: Sides | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (let lower = 2; 2 * lower + 2 <= size; lower++) {
    const down = Math.floor((size - 2 * lower) / 2);
    const sides = { upper: size - lower - 2 * down, lower, down };
    const { x, y } = extentOf(sides, form);
    const extent = Math.max((2 * (x + BOW.x) + form.width) / ASPECT, 2 * (y + BOW.y) + form.height);
    if (extent < least) [best, least] = [sides, extent];
  }
  return best ?? { upper: size, lower: 0, down: 0 };
}

/** The distances of the right and of the lower side from the edge's centre, px. */
const extentOf = ({ upper, down }: Sides, { stepX, stepY }: FrameForm): Point => ({
  x: Math.max(300, ((upper - 1) / 2) * stepX + 0.8 * stepX),
  y: Math.max(MIN_HEIGHT, ((down + 1) / 2) * stepY),
});

/** Clockwise from the left end of the upper side. */
function onFrame(slot: number, sides: Sides, form: FrameForm): Point {
  const { upper, lower, down } = sides;
  const { stepX } = form;
  const side = extentOf(sides, form);
  const stepY = (2 * side.y) / (down + 1);
  const across = (index: number, count: number) => {
    const x = (index - (count - 1) / 2) * stepX;
    return { x, y: side.y + BOW.y * bow(x, (upper / 2) * stepX) };
  };
  const right = (index: number) => {
    const y = (index - (down - 1) / 2) * stepY;
    return { x: side.x + BOW.x * bow(y, (down / 2) * stepY), y };
  };
  if (slot < upper) return rounded(across(slot, upper), 1, -1);
  if (slot < upper + down) return rounded(right(slot - upper), 1, 1);
  if (slot < upper + down + lower) return rounded(across(slot - upper - down, lower), -1, 1);
  return rounded(right(slot - upper - down - lower), -1, -1);
}

/** 1 in the middle of a side, 0 at its ends. */
const bow = (at: number, end: number): number => 1 - (at / end) ** 2;

const rounded = ({ x, y }: Point, signX: number, signY: number): Point => ({
  x: Math.round(signX * x),
  y: Math.round(signY * y),
});

/** Places on frames around the edge: every line from a place to the edge, and to another place, is free of nodes. */
import { around, type Point, type Rectangle } from "./rectangle.ts";

/** How much of a site fits in its node. */
export type Density = "card" | "compact" | "chip";

interface FrameForm {
  readonly density: Density;
  readonly width: number;
  readonly height: number;
  /** Distances between the centres of neighbours. */
  readonly stepX: number;
  readonly stepY: number;
}

const CARD: FrameForm = { density: "card", width: 196, height: 60, stepX: 220, stepY: 88 };
const COMPACT: FrameForm = { density: "compact", width: 158, height: 34, stepX: 172, stepY: 48 };

/** The most places of a frame with cards. */
const MAX_CARDS = 16;

/** The most places on an ellipse. */
const MAX_ELLIPSE = 8;
const ELLIPSE: Point = { x: 380, y: 190 };

/** How far the middle of each side of a frame is bowed out, px. */
const BOW: Point = { x: 56, y: 30 };

export interface FramePlaces {
  readonly density: Density;
  readonly edge: Rectangle;
  /** The rectangle of a place. Places from the size on lie on further frames outside of the first. */
  readonly place: (slot: number) => Rectangle;
}

/** @param size the number of places of the innermost frame, even */
export function framePlaces(size: number): FramePlaces {
  const form = size <= MAX_CARDS ? CARD : COMPACT;
  const rectangle = (at: Point) => around(at, form.width, form.height);
  const edge = around({ x: 0, y: 0 }, 148, 72);
  const ellipse = size <= MAX_ELLIPSE;
  const first = ellipse ? { across: 5, down: 6 } : sidesOf(size);
  return {
    density: form.density,
    edge,
    place: (slot) => {
      if (slot < size) return rectangle(ellipse ? onEllipse(slot, size) : onFrame(slot, first, form));
      let rest = slot - size;
      for (let outer = ellipse ? 0 : 1; ; outer++) {
        const frame = { across: first.across + 2 * outer, down: first.down + 2 * outer };
        const places = 2 * (frame.across + frame.down);
        if (rest < places) return rectangle(onFrame(rest, frame, form));
        rest -= places;
      }
    },
  };
}

/** Clockwise. Two places lie left and right; six have one at the top. */
function onEllipse(slot: number, size: number): Point {
  const start = size === 6 ? -Math.PI / 2 : size === 8 ? (-3 * Math.PI) / 4 : Math.PI;
  const angle = start + (2 * Math.PI * slot) / size;
  return { x: Math.round(ELLIPSE.x * Math.cos(angle)), y: Math.round(ELLIPSE.y * Math.sin(angle)) };
}

interface Sides {
  /** Places of the upper side, and of the lower one. */
  readonly across: number;
  /** Places of the left side, and of the right one. */
  readonly down: number;
}

function sidesOf(size: number): Sides {
  const half = size / 2;
  const across = Math.max(2, Math.round(half * 0.28));
  return { across, down: half - across };
}

/** Clockwise from the left end of the upper side. */
function onFrame(slot: number, { across, down }: Sides, { stepX, stepY }: FrameForm): Point {
  const sideX = Math.max(300, ((across - 1) / 2) * stepX + 0.8 * stepX);
  const sideY = ((down + 1) / 2) * stepY;
  const upper = (index: number) => {
    const x = (index - (across - 1) / 2) * stepX;
    return { x, y: sideY + BOW.y * bow(x, (across / 2) * stepX) };
  };
  const right = (index: number) => {
    const y = (index - (down - 1) / 2) * stepY;
    return { x: sideX + BOW.x * bow(y, (down / 2) * stepY), y };
  };
  if (slot < across) return rounded(upper(slot), 1, -1);
  if (slot < across + down) return rounded(right(slot - across), 1, 1);
  if (slot < 2 * across + down) return rounded(upper(slot - across - down), -1, 1);
  return rounded(right(slot - 2 * across - down), -1, -1);
}

/** 1 in the middle of a side, 0 at its ends. */
const bow = (at: number, end: number): number => 1 - (at / end) ** 2;

const rounded = ({ x, y }: Point, signX: number, signY: number): Point => ({
  x: Math.round(signX * x),
  y: Math.round(signY * y),
});

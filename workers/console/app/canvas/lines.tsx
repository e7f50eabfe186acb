/** Lines below the nodes of a graph. Keyboards reach what they stand for in the side panel of a node, and in the list. */
import type { ReactNode } from "react";
import type { Point, Rectangle } from "../topology/rectangle.ts";

export interface DrawnLine {
  readonly id: string;
  readonly path: string;
  /** The middle of its text. */
  readonly label: Point;
  /** Short; null for none. */
  readonly text: string | null;
  /** "lost" is down because something else is. */
  readonly tone: "good" | "warning" | "bad" | "lost" | "plain" | "idle";
  readonly width: number;
  readonly isArrow: boolean;
  readonly isChosen: boolean;
  readonly isFaint: boolean;
  /** Whether it is drawn with less weight, among many. */
  readonly isThin?: boolean;
  /** Whether nothing passes. */
  readonly isBroken: boolean;
}

interface LinesProps {
  readonly lines: readonly DrawnLine[];
  readonly bounds: Rectangle;
  readonly onChoose: (id: string) => void;
}

/** Lines bow out of the bounds of the nodes by at most this, px. */
const MARGIN = 400;

const TONES = ["good", "warning", "bad", "lost", "plain", "idle"] as const;

/** About what a text of 12 px takes, with a margin. */
export const labelWidth = (text: string) => 14 + 6.3 * text.length;

export function Lines({ lines, bounds, onChoose }: LinesProps): ReactNode {
  const { x, y } = bounds;
  const [width, height] = [bounds.width + 2 * MARGIN, bounds.height + 2 * MARGIN];
  return (
    <svg
      aria-hidden
      className="fl-lines"
      width={width}
      height={height}
      viewBox={`${x - MARGIN} ${y - MARGIN} ${width} ${height}`}
      style={{ left: x - MARGIN, top: y - MARGIN }}
    >
      <defs>
        {TONES.map((tone) => (
          <marker
            key={tone}
            id={`fl-arrow-${tone}`}
            viewBox="0 0 10 10"
            refX="9"
            refY="5"
            markerWidth="9"
            markerHeight="9"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path className={`fl-arrow fl-arrow--${tone}`} d="M0 1L9 5L0 9z" />
          </marker>
        ))}
      </defs>
      {lines.map((line) => (
        // biome-ignore lint/a11y/noStaticElementInteractions: hidden from screen readers, see above
        <g key={line.id} className={classOf(line)} onClick={() => onChoose(line.id)}>
          <path className="fl-line__reach" d={line.path} />
          <path
            className="fl-line__path"
            d={line.path}
            strokeWidth={line.isChosen ? line.width + 1.5 : line.width}
            {...(line.isArrow ? { markerEnd: `url(#fl-arrow-${line.tone})` } : {})}
          />
        </g>
      ))}
      {lines.map(({ id, text, label, isFaint, tone }) =>
        text === null || isFaint ? null : (
          <g key={id} className={`fl-line__label fl-line__label--${tone}`}>
            <text x={label.x} y={label.y}>
              {text}
            </text>
          </g>
        ),
      )}
    </svg>
  );
}

function classOf({ tone, isChosen, isFaint, isThin = false, isBroken }: DrawnLine): string {
  return [
    "fl-line",
    `fl-line--${tone}`,
    isChosen ? "is-chosen" : "",
    isFaint ? "is-faint" : "",
    isThin ? "is-thin" : "",
    isBroken ? "is-broken" : "",
  ]
    .join(" ")
    .trim();
}

/** What the forms and colours of the topology mean. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Popover } from "@patternfly/react-core/dist/esm/components/Popover";
import type { ReactNode } from "react";
import { type Look, LookIcon } from "./site-nodes.tsx";

const STATES: readonly (readonly [Look, string])[] = [
  ["good", "up"],
  ["warning", "silent: counts as up, not heard lately"],
  ["bad", "down"],
  ["off", "stopped on purpose"],
  ["waiting", "created, not joined yet"],
];

function Legend({ children }: { children: ReactNode }) {
  return (
    <Popover aria-label="Legend" headerContent="Legend" position="top-start" bodyContent={children}>
      <Button variant="control" size="sm" className="fl-legend__button">
        Legend
      </Button>
    </Popover>
  );
}

const Stroke = ({
  tone,
  width = 2,
  isBroken = false,
}: {
  tone: string;
  width?: number;
  isBroken?: boolean;
}) => (
  <svg
    aria-hidden
    width="34"
    height="10"
    className={`fl-line fl-line--${tone} fl-legend__stroke ${isBroken ? "is-broken" : ""}`}
  >
    <path className="fl-line__path" d="M2 5H32" strokeWidth={width} />
  </svg>
);

export function SitesLegend() {
  return (
    <Legend>
      <ul className="fl-legend">
        {STATES.map(([look, text]) => (
          <li key={look}>
            <LookIcon look={look} /> {text}
          </li>
        ))}
        <li>
          <Stroke tone="good" /> link, with its round trip; its cost where that is not 1
        </li>
        <li>
          <Stroke tone="bad" isBroken /> link that is down
        </li>
        <li>
          <Stroke tone="idle" /> connection to the edge, without a link to the network
        </li>
      </ul>
    </Legend>
  );
}

export function ServicesLegend() {
  return (
    <Legend>
      <ul className="fl-legend">
        <li>
          <Stroke tone="plain" width={1.5} /> traffic, from the caller to what serves it; thicker with more
          bytes
        </li>
        <li>
          <Stroke tone="warning" /> some of it failed in the last seconds
        </li>
        <li>
          <Stroke tone="bad" /> more than 5 % of it failed
        </li>
        <li>
          <Stroke tone="idle" /> no traffic in the last 15 minutes
        </li>
      </ul>
    </Legend>
  );
}

/** Offers a new arrangement after nodes came or went. Nothing moves without it. */
export function ArrangeButton({ onClick }: { onClick: () => void }) {
  return (
    <Button variant="control" size="sm" className="fl-legend__button" onClick={onClick}>
      Arrange again
    </Button>
  );
}

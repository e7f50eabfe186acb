/** What the forms and colours of the topology mean. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import type { ReactNode } from "react";
import { type Look, LookIcon } from "./site-nodes.tsx";

const STATES: readonly (readonly [Look, string, string])[] = [
  ["good", "Up", "The edge hears the site."],
  ["warning", "Silent", "The site counts as up, and the edge has not heard it lately."],
  ["bad", "Down", "The edge lost the site."],
  ["off", "Stopped", "The last connector of the site was stopped on purpose."],
  ["waiting", "Not joined", "The site was created, and has not joined yet."],
];

function Legend({ children }: { children: ReactNode }) {
  return (
    <ul className="fl-legend" aria-label="Legend">
      {children}
    </ul>
  );
}

interface StrokeProps {
  readonly tone: string;
  readonly width?: number;
  readonly isBroken?: boolean;
}

const Stroke = ({ tone, width = 2, isBroken = false }: StrokeProps) => (
  <svg
    aria-hidden
    width="26"
    height="10"
    className={`fl-line fl-line--${tone} fl-legend__stroke ${isBroken ? "is-broken" : ""}`}
  >
    <path className="fl-line__path" d="M2 5H24" strokeWidth={width} />
  </svg>
);

interface SitesLegendProps {
  /** The looks of the sites on the page. */
  readonly looks: ReadonlySet<Look>;
  /** Whether single sites are connected with the edge by lines. */
  readonly hasUplinks: boolean;
}

export function SitesLegend({ looks, hasUplinks }: SitesLegendProps) {
  return (
    <Legend>
      {STATES.filter(([look]) => looks.has(look)).map(([look, text, meaning]) => (
        <li key={look} title={meaning}>
          <LookIcon look={look} /> {text}
        </li>
      ))}
      <li title="With its round trip, and its cost where that is not 1.">
        <Stroke tone="good" /> Link
      </li>
      <li>
        <Stroke tone="bad" width={2.5} isBroken /> Broken
      </li>
      {hasUplinks ? (
        <>
          <li title="The link works again when the site at its end is up.">
            <Stroke tone="lost" isBroken /> Link to a site that is down
          </li>
          <li title="Every site dials the edge. The line is thicker with more bytes.">
            <Stroke tone="plain" width={3} /> Traffic over the edge
          </li>
        </>
      ) : null}
    </Legend>
  );
}

export function ServicesLegend() {
  return (
    <Legend>
      <li title="From the caller to what serves it, thicker with more bytes.">
        <Stroke tone="plain" width={3} /> Traffic
      </li>
      <li title="Nothing passed in the last 15 minutes.">
        <Stroke tone="idle" /> No traffic
      </li>
      <li>
        <Stroke tone="warning" width={3} /> Some failed
      </li>
      <li>
        <Stroke tone="bad" width={3} /> More than 5 % failed
      </li>
      <li title="The site that serves is down.">
        <Stroke tone="bad" isBroken /> Down
      </li>
    </Legend>
  );
}

/** Offers a new arrangement after nodes came or went. Nothing moves without it. */
export function ArrangeButton({ onClick }: { onClick: () => void }) {
  return (
    <Button variant="control" size="sm" className="fl-canvas__arrange" onClick={onClick}>
      Arrange again
    </Button>
  );
}

/** Sites around the edge, with the links between them. */
import type { Node } from "@xyflow/react";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Canvas } from "../../canvas/canvas.tsx";
import { type DrawnLine, Lines, labelWidth } from "../../canvas/lines.tsx";
import { byteRateText, latencyText } from "../../format/quantity.ts";
import { useTraffic } from "../../live/use-live.tsx";
import type { SiteBox } from "../../topology/group-places.ts";
import { placeLabels } from "../../topology/label-places.ts";
import { widthFor } from "../../topology/line-width.ts";
import { type LinkLine, linkLines } from "../../topology/link-lines.ts";
import type { Rectangle } from "../../topology/rectangle.ts";
import { EDGE, type SiteGraph } from "../../topology/site-graph.ts";
import { isUntidy, layoutSites, type SiteLayout } from "../../topology/site-layout.ts";
import { bytesBySite } from "../../traffic/rates.ts";
import { ArrangeButton } from "./legend.tsx";
import { SITE_NODE_TYPES, stateText } from "./site-nodes.tsx";

interface SitesViewProps {
  readonly network: string;
  readonly graph: SiteGraph;
  /** Ids of the sites that the search found; null without a search. */
  readonly found: ReadonlySet<string> | null;
  readonly chosen: string | null;
  readonly onChoose: (id: string | null) => void;
}

/** Labels stand on all lines up to this number, and on chosen and broken ones above. */
const MAX_LABELS = 20;

/** The layout on the screen, which the next one follows. */
export function useSiteLayout(graph: SiteGraph): [SiteLayout, number, () => void] {
  const [arrangement, setArrangement] = useState(0);
  const last = useRef<{ readonly arrangement: number; readonly layout: SiteLayout } | null>(null);
  const key = graph.sites.map(({ id, group }) => `${id} ${group}`).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: places depend on which sites there are alone
  const layout = useMemo(() => {
    const before = last.current?.arrangement === arrangement ? last.current.layout : undefined;
    const next = layoutSites(graph, before);
    last.current = { arrangement, layout: next };
    return next;
  }, [key, arrangement]);
  return [layout, arrangement, useCallback(() => setArrangement((count) => count + 1), [])];
}

/** What sites send and receive, B/s by their names; null while it is not known, or not shown. */
type SiteBytes = ReadonlyMap<string, number> | null;

const QUERY = { window: "15m" } as const;

/** Reads the traffic of all sites while it is mounted. */
function TrafficReader({ onRead }: { onRead: (bytes: SiteBytes) => void }) {
  const { traffic } = useTraffic(QUERY);
  useEffect(() => onRead(traffic === null ? null : bytesBySite(traffic)), [traffic, onRead]);
  useEffect(() => () => onRead(null), [onRead]);
  return null;
}

export default function SitesView({ network, graph, found, chosen, onChoose }: SitesViewProps) {
  const [layout, arrangement, arrange] = useSiteLayout(graph);
  const [bytes, setBytes] = useState<SiteBytes>(null);
  const nodes = useNodes(network, graph, layout, found, chosen, bytes);
  const lines = useMemo(
    () => drawnLines(graph, layout, chosen, found, bytes),
    [graph, layout, chosen, found, bytes],
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: as the layout
  const untidy = useMemo(() => isUntidy(graph, layout), [layout]);
  return (
    <>
      {layout.mode === "frame" ? <TrafficReader onRead={setBytes} /> : null}
      <Canvas
        label={`Topology of ${network}: ${graph.sites.length} sites and ${graph.links.length} links`}
        nodes={nodes}
        nodeTypes={SITE_NODE_TYPES}
        bounds={layout.bounds}
        focus={focusOf(layout, chosen)}
        arrangement={arrangement}
        lines={<Lines lines={lines} bounds={layout.bounds} onChoose={onChoose} />}
        corner={untidy ? <ArrangeButton onClick={arrange} /> : null}
        onChoose={onChoose}
      />
    </>
  );
}

const focusOf = ({ places, edge }: SiteLayout, chosen: string | null): Rectangle | null =>
  chosen === EDGE ? edge : (places.get(chosen ?? "") ?? null);

/** The nodes of the canvas. What did not change keeps its identity, so it is not drawn again. */
function useNodes(
  network: string,
  graph: SiteGraph,
  layout: SiteLayout,
  found: ReadonlySet<string> | null,
  chosen: string | null,
  bytes: SiteBytes,
): Node[] {
  const cache = useRef(new Map<string, { readonly key: string; readonly node: Node }>());
  return useMemo(() => {
    const next = new Map<string, { readonly key: string; readonly node: Node }>();
    const add = (id: string, key: string, make: () => Node) => {
      const before = cache.current.get(id);
      next.set(id, before?.key === key ? before : { key, node: make() });
    };
    const byId = new Map(graph.sites.map((site) => [site.id, site]));
    for (const box of layout.boxes) {
      const members = box.sites.flatMap((id) => byId.get(id) ?? []);
      const troubled = members.filter(({ state, stopped }) => state === "down" && !stopped).length;
      const title = titleOf(box, layout.boxes);
      const data = { title, sites: members.length, troubled };
      add(`box:${box.id}`, JSON.stringify([box.place, data]), () => ({
        ...still(box.place),
        id: `box:${box.id}`,
        type: "box",
        data,
        className: "is-still",
        focusable: false,
        selectable: false,
        zIndex: 0,
      }));
    }
    const connected = graph.sites.filter(({ state }) => state === "up" || state === "silent").length;
    const edge = { isBar: layout.mode === "groups", sites: graph.sites.length, connected, network };
    add(EDGE, JSON.stringify([layout.edge, edge, chosen === EDGE]), () => ({
      ...still(layout.edge),
      id: EDGE,
      type: "edge",
      data: edge,
      selected: chosen === EDGE,
      ariaRole: "button",
      ariaLabel: `The edge, with ${connected} of ${graph.sites.length} sites connected`,
      zIndex: 1,
    }));
    for (const site of graph.sites) {
      const place = layout.places.get(site.id);
      if (place === undefined) continue;
      const rate = bytes === null ? null : (bytes.get(site.name) ?? 0);
      const data = {
        site,
        traffic: rate === null || layout.density !== "card" ? null : rate < 1 ? "idle" : byteRateText(rate),
        density: layout.density,
        isDim: found !== null && !found.has(site.id),
        isMarked: found?.has(site.id) ?? false,
      };
      const selected = chosen === site.id;
      add(site.id, JSON.stringify([place, data, selected]), () => ({
        ...still(place),
        id: site.id,
        type: "site",
        data,
        selected,
        ariaRole: "button",
        ariaLabel: `Site ${site.name}, ${stateText(site)}`,
        zIndex: 2,
      }));
    }
    cache.current = next;
    return [...next.values()].map(({ node }) => node);
  }, [network, graph, layout, found, chosen, bytes]);
}

const still = ({ x, y, width, height }: Rectangle) => ({
  position: { x, y },
  width,
  height,
  draggable: false,
});

function titleOf({ group, id }: SiteBox, boxes: readonly SiteBox[]): string {
  const same = boxes.filter((box) => box.group === group).length;
  return same === 1 ? group : `${group} · ${id.slice(id.lastIndexOf("#") + 1)} of ${same}`;
}

function drawnLines(
  graph: SiteGraph,
  layout: SiteLayout,
  chosen: string | null,
  found: ReadonlySet<string> | null,
  bytes: SiteBytes,
): DrawnLine[] {
  const lines = linkLines(graph, layout, chosen);
  const isSiteChosen = layout.places.has(chosen ?? "");
  const isDense = lines.length > 2 * MAX_LABELS;
  const names = new Map(graph.sites.map(({ id, name }) => [id, name]));
  const drawn = lines.map((line): DrawnLine & { readonly points: LinkLine["points"] } => {
    const { id, links, state, path, points, isConsequence } = line;
    const uplinkOf = id.startsWith("uplink:")
      ? id.slice("uplink:".length)
      : links[0]?.issuer === EDGE && layout.mode === "frame"
        ? links[0].joiner
        : null;
    const isChosen =
      id === chosen ||
      (isSiteChosen &&
        (uplinkOf === chosen || links.some((link) => link.joiner === chosen || link.issuer === chosen)));
    const isBox = id.startsWith("box:");
    const [link] = links;
    const down = links.filter((each) => each.state === "down").length;
    const isFaint =
      (isSiteChosen && !isChosen && !isBox) ||
      (found !== null &&
        !found.has(uplinkOf ?? "") &&
        !links.some(({ joiner, issuer }) => found.has(joiner) || found.has(issuer)));
    const isLabelled = isBox
      ? down > 0
      : isChosen || (state === "down" && !isConsequence) || (state === "up" && lines.length <= MAX_LABELS);
    const rate = uplinkOf === null ? 0 : (bytes?.get(names.get(uplinkOf) ?? "") ?? 0);
    return {
      id,
      path,
      points,
      label: NO_POINT,
      text: !isLabelled ? null : isBox ? `${down} of ${links.length} links down` : linkText(link),
      tone: toneOf(line, rate),
      isThin: isDense && !isChosen,
      width: state === "down" && !isConsequence && !isBox ? 2.5 : links.length > 1 ? 3 : widthOf(line, rate),
      isArrow: false,
      isBroken: state === "down" && (links.length > 0 || uplinkOf !== null),
      isChosen,
      isFaint,
    };
  });
  // What is broken is drawn last, above all others, and has the first choice of a place for its text.
  drawn.sort((a, b) => RANKS[a.tone] - RANKS[b.tone]);
  const labels = placeLabels(
    drawn.toReversed().map(({ id, points, text, isFaint, tone, isChosen }) => ({
      id,
      points,
      width: text === null || isFaint ? null : roomFor(text),
      isUrgent: tone === "bad" || isChosen,
    })),
    layout.mode === "frame" ? [layout.edge, ...layout.places.values()] : [],
  );
  return drawn.map(({ points: _, ...line }) => {
    const label = labels.get(line.id);
    return label === undefined ? { ...line, text: null } : { ...line, label };
  });
}

const NO_POINT = { x: 0, y: 0 };

const RANKS: Readonly<Record<DrawnLine["tone"], number>> = {
  idle: 0,
  plain: 1,
  good: 2,
  lost: 3,
  warning: 4,
  bad: 5,
};

function toneOf({ links, state, isConsequence }: LinkLine, bytesPerSecond: number): DrawnLine["tone"] {
  if (isConsequence) return "lost";
  if (links.length === 0 && state === "up") return bytesPerSecond >= 1 ? "plain" : "idle";
  return ({ up: "good", degraded: "warning", down: "bad" } as const)[state];
}

/** A link is 2 px wide. What a site exchanges with the edge makes its line wider. */
const widthOf = ({ links }: LinkLine, bytesPerSecond: number): number =>
  Math.max(links.length === 0 ? 1.5 : 2, widthFor(bytesPerSecond));

/** The width for a text, in steps: so a digit more does not move it. */
const roomFor = (text: string): number => labelWidth("0".repeat(4 * Math.ceil(text.length / 4)));

function linkText(link: SiteGraph["links"][number] | undefined): string | null {
  if (link === undefined) return null;
  if (link.state === "down") return "down";
  const parts = [
    ...(link.rtt === null ? [] : [latencyText(link.rtt)]),
    ...(link.cost === 1 ? [] : [`cost ${link.cost}`]),
  ];
  return parts.length === 0 ? null : parts.join(" · ");
}

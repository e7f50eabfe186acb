/** Sites around the edge, with the links between them. */
import type { Node } from "@xyflow/react";
import { useCallback, useMemo, useRef, useState } from "react";
import { Canvas } from "../../canvas/canvas.tsx";
import { type DrawnLine, Lines } from "../../canvas/lines.tsx";
import { latencyText } from "../../format/quantity.ts";
import type { SiteBox } from "../../topology/group-places.ts";
import { linkLines } from "../../topology/link-lines.ts";
import type { Rectangle } from "../../topology/rectangle.ts";
import { EDGE, type SiteGraph } from "../../topology/site-graph.ts";
import { isUntidy, layoutSites, type SiteLayout } from "../../topology/site-layout.ts";
import { ArrangeButton, SitesLegend } from "./legend.tsx";
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

export default function SitesView({ network, graph, found, chosen, onChoose }: SitesViewProps) {
  const [layout, arrangement, arrange] = useSiteLayout(graph);
  const nodes = useNodes(network, graph, layout, found, chosen);
  const lines = useMemo(() => drawnLines(graph, layout, chosen, found), [graph, layout, chosen, found]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: as the layout
  const untidy = useMemo(() => isUntidy(graph, layout), [layout]);
  return (
    <Canvas
      label={`Topology of ${network}: ${graph.sites.length} sites and ${graph.links.length} links`}
      nodes={nodes}
      nodeTypes={SITE_NODE_TYPES}
      bounds={layout.bounds}
      arrangement={arrangement}
      lines={<Lines lines={lines} bounds={layout.bounds} onChoose={onChoose} />}
      legend={
        <div className="fl-canvas__corner">
          {untidy ? <ArrangeButton onClick={arrange} /> : null}
          <SitesLegend />
        </div>
      }
      onChoose={onChoose}
    />
  );
}

/** The nodes of the canvas. What did not change keeps its identity, so it is not drawn again. */
function useNodes(
  network: string,
  graph: SiteGraph,
  layout: SiteLayout,
  found: ReadonlySet<string> | null,
  chosen: string | null,
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
      const data = {
        site,
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
  }, [network, graph, layout, found, chosen]);
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
): DrawnLine[] {
  const lines = linkLines(graph, layout, chosen);
  const isSiteChosen = layout.places.has(chosen ?? "");
  return lines.map(({ id, links, state, path, label }): DrawnLine => {
    const isChosen =
      id === chosen ||
      (isSiteChosen && links.some((link) => link.joiner === chosen || link.issuer === chosen));
    const isBox = id.startsWith("box:");
    const [link] = links;
    const down = links.filter((each) => each.state === "down").length;
    const isFaint =
      (isSiteChosen && !isChosen && !isBox) ||
      (found !== null && !links.some(({ joiner, issuer }) => found.has(joiner) || found.has(issuer)));
    const isLabelled = isBox ? down > 0 : isChosen || state === "down" || lines.length <= MAX_LABELS;
    return {
      id,
      path,
      label,
      text: !isLabelled ? null : isBox ? `${down} of ${links.length} links down` : linkText(link),
      tone: links.length === 0 ? "idle" : ({ up: "good", degraded: "warning", down: "bad" } as const)[state],
      width: links.length > 1 ? 3 : 2,
      isArrow: false,
      isBroken: state === "down" && links.length > 0,
      isChosen,
      isFaint,
    };
  });
}

function linkText(link: SiteGraph["links"][number] | undefined): string | null {
  if (link === undefined) return null;
  if (link.state === "down") return "down";
  const parts = [
    ...(link.rtt === null ? [] : [latencyText(link.rtt)]),
    ...(link.cost === 1 ? [] : [`cost ${link.cost}`]),
  ];
  return parts.length === 0 ? null : parts.join(" · ");
}

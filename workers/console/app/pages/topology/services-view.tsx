/** Services, the components that call and serve them, and the traffic between them. */

import ProcessIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-application-icon";
import ServiceIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-applications-fill-icon";
import DoorIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-language-icon";
import TargetIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-plug-icon";
import SiteIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-server-icon";
import GroupIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-server-stack-icon";
import type { Node, NodeProps, NodeTypes } from "@xyflow/react";
import { memo, useCallback, useMemo, useRef, useState } from "react";
import { visible } from "../../../../../protocol/text.ts";
import { Canvas } from "../../canvas/canvas.tsx";
import { type DrawnLine, Lines, labelWidth } from "../../canvas/lines.tsx";
import { byteRateText, failedText, rateText } from "../../format/quantity.ts";
import { BAD_SHARE } from "../../topology/busiest.ts";
import { placeLabels } from "../../topology/label-places.ts";
import type { Column, ServiceGraph, ServiceGraphNode } from "../../topology/service-graph.ts";
import { layoutServices, type ServiceLayout } from "../../topology/service-layout.ts";
import { serviceLines } from "../../topology/service-lines.ts";
import { ArrangeButton } from "./legend.tsx";

interface ServicesViewProps {
  readonly graph: ServiceGraph;
  /** Changes when the components are others: the layout is then a fresh one. */
  readonly kind: string;
  readonly found: ReadonlySet<string> | null;
  readonly chosen: string | null;
  readonly onChoose: (id: string | null) => void;
}

const ICONS = {
  service: ServiceIcon,
  site: SiteIcon,
  process: ProcessIcon,
  target: TargetIcon,
  door: DoorIcon,
  group: GroupIcon,
};

const KIND_TEXTS = {
  service: "Service",
  site: "Site",
  process: "Process",
  target: "Target",
  door: "Door",
  group: "Sites",
} as const;

type PartData = Node<{ part: ServiceGraphNode; isDim: boolean; isMarked: boolean }, "part">;

const PartNode = memo(({ data: { part, isDim, isMarked }, selected }: NodeProps<PartData>) => {
  const Icon = ICONS[part.kind];
  const look = toneOf(part);
  const classes = [
    "fl-part",
    part.kind === "service" ? "fl-part--service" : "",
    `fl-part--${look}`,
    selected ? "is-chosen" : "",
    isDim ? "is-dim" : "",
    isMarked ? "is-marked" : "",
  ];
  return (
    <div className={classes.join(" ")} title={visible(part.label)}>
      <span className="fl-part__icon">
        <Icon />
      </span>
      <div className="fl-site__text">
        <bdi className="fl-site__name">{visible(part.label)}</bdi>{" "}
        <span className="fl-site__more">{moreOf(part)}</span>
      </div>
    </div>
  );
});

type HeadingData = Node<{ column: Column }, "heading">;

const HEADINGS: Readonly<Record<Column, string>> = {
  caller: "Callers",
  service: "Services",
  server: "Served by",
};

const HeadingNode = memo(({ data: { column } }: NodeProps<HeadingData>) => (
  <div className="fl-heading">{HEADINGS[column]}</div>
));

const NODE_TYPES: NodeTypes = { part: PartNode, heading: HeadingNode };

const toneOf = (part: ServiceGraphNode): string =>
  part.kind === "service"
    ? { up: "good", degraded: "warning", down: "bad" }[part.health]
    : part.state === "up"
      ? "good"
      : "bad";

function moreOf(part: ServiceGraphNode): string {
  if (part.kind === "service")
    return { up: "Service", degraded: "Service · partly down", down: "Service · down" }[part.health];
  const where =
    part.site === null ? KIND_TEXTS[part.kind] : `${KIND_TEXTS[part.kind]} in ${visible(part.site)}`;
  return part.state === "up" ? where : `${where} · down`;
}

/** The layout on the screen, which the next one follows. */
function useServiceLayout(graph: ServiceGraph, kind: string): [ServiceLayout, string, () => void] {
  const [count, setCount] = useState(0);
  const arrangement = `${kind} ${count}`;
  const last = useRef<{ readonly arrangement: string; readonly layout: ServiceLayout } | null>(null);
  const key = graph.nodes.map(({ id }) => id).join("\n");
  // biome-ignore lint/correctness/useExhaustiveDependencies: places depend on which nodes there are alone
  const layout = useMemo(() => {
    const before = last.current?.arrangement === arrangement ? last.current.layout : undefined;
    const next = layoutServices(graph, before);
    last.current = { arrangement, layout: next };
    return next;
  }, [key, arrangement]);
  return [layout, arrangement, useCallback(() => setCount((before) => before + 1), [])];
}

export default function ServicesView({ graph, kind, found, chosen, onChoose }: ServicesViewProps) {
  const [layout, arrangement, arrange] = useServiceLayout(graph, kind);
  const headings = useMemo(
    () =>
      layout.headings.map(
        ({ column, place: { x, y, width, height } }): Node => ({
          id: `heading:${column}`,
          type: "heading",
          position: { x, y },
          width,
          height,
          draggable: false,
          data: { column },
          className: "is-still",
          focusable: false,
          selectable: false,
        }),
      ),
    [layout],
  );
  const parts = useMemo(
    () =>
      graph.nodes.flatMap((part): Node[] => {
        const place = layout.places.get(part.id);
        if (place === undefined) return [];
        const { x, y, width, height } = place;
        return [
          {
            id: part.id,
            type: "part",
            position: { x, y },
            width,
            height,
            draggable: false,
            selected: chosen === part.id,
            data: {
              part,
              isDim: found !== null && !found.has(part.id),
              isMarked: found?.has(part.id) ?? false,
            },
            ariaRole: "button",
            ariaLabel: `${part.label}, ${moreOf(part)}`,
          },
        ];
      }),
    [graph, layout, found, chosen],
  );
  const nodes = useMemo(() => [...headings, ...parts], [headings, parts]);
  const lines = useMemo(() => drawnLines(graph, layout, chosen, found), [graph, layout, chosen, found]);
  return (
    <Canvas
      label={`Services and their traffic: ${graph.nodes.length} nodes`}
      nodes={nodes}
      nodeTypes={NODE_TYPES}
      bounds={layout.bounds}
      focus={layout.places.get(chosen ?? "") ?? null}
      arrangement={arrangement}
      lines={<Lines lines={lines} bounds={layout.bounds} onChoose={onChoose} />}
      corner={layout.isUntidy ? <ArrangeButton onClick={arrange} /> : null}
      onChoose={onChoose}
    />
  );
}

/** Labels stand on all lines up to this number, and on chosen and failing ones above. */
const MAX_LABELS = 16;

function drawnLines(
  { nodes, edges }: ServiceGraph,
  layout: ServiceLayout,
  chosen: string | null,
  found: ReadonlySet<string> | null,
): DrawnLine[] {
  const down = new Set(
    nodes.filter((node) => node.column === "server" && toneOf(node) === "bad").map(({ id }) => id),
  );
  const lines = serviceLines(edges, layout);
  const drawn = lines.map(({ edge, path, points, width }) => {
    const touches = edge.from === chosen || edge.to === chosen;
    const { rates } = edge;
    const events = rates.requests > 0 ? rates.requests : rates.streams;
    const bytes = rates.bytesToClient + rates.bytesToTarget;
    const failing = rates.failed > 0;
    const isBroken = down.has(edge.to);
    const isBad = isBroken || (failing && rates.failed / Math.max(events, rates.failed) >= BAD_SHARE);
    const tone: DrawnLine["tone"] = isBad ? "bad" : failing ? "warning" : edge.active ? "plain" : "idle";
    const isChosen = edge.id === chosen || touches;
    const parts = [
      ...(events > 0 ? [rateText(events)] : []),
      ...(bytes >= 1 ? [byteRateText(bytes)] : []),
      ...(failing ? [failedText(rates.failed / Math.max(events, rates.failed))] : []),
    ];
    const isLabelled = parts.length > 0 && (lines.length <= MAX_LABELS || isChosen || isBad);
    return {
      id: edge.id,
      path,
      points,
      text: isLabelled ? parts.join(" · ") : null,
      tone,
      width,
      isArrow: true,
      isBroken,
      isChosen,
      isFaint:
        (chosen !== null && !touches && edge.id !== chosen && layout.places.has(chosen)) ||
        (found !== null && !found.has(edge.from) && !found.has(edge.to)),
    };
  });
  const labels = placeLabels(
    drawn.map(({ id, points, text, isFaint, tone, isChosen }) => ({
      id,
      points,
      width: text === null || isFaint ? null : labelWidth("0".repeat(4 * Math.ceil(text.length / 4))),
      isUrgent: tone === "bad" || isChosen,
    })),
    [...layout.places.values()],
  );
  return drawn.map(({ points: _, text, ...line }) => {
    const label = labels.get(line.id);
    return label === undefined ? { ...line, label: NO_POINT, text: null } : { ...line, label, text };
  });
}

const NO_POINT = { x: 0, y: 0 };

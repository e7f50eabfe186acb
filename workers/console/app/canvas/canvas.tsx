/** A graph that can be moved and zoomed, with nodes that keyboards and screen readers reach. */
import {
  type Node,
  type NodeChange,
  type NodeTypes,
  Panel,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
  useStore,
  type Viewport,
  ViewportPortal,
} from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import FitIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-expand-icon";
import ZoomInIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-zoom-in-icon";
import ZoomOutIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-zoom-out-icon";
import { type ReactNode, useCallback, useEffect, useRef } from "react";
import type { Rectangle } from "../topology/rectangle.ts";
import "./canvas.css";

interface CanvasProps {
  /** What the graph shows, for screen readers. */
  readonly label: string;
  readonly nodes: Node[];
  readonly nodeTypes: NodeTypes;
  /** What is drawn, which a button and the first view show whole. */
  readonly bounds: Rectangle;
  /** The place of the chosen node, which stays in sight. */
  readonly focus: Rectangle | null;
  /** Changes when everything is arranged anew: the view then shows all again. */
  readonly arrangement: number | string;
  /** Drawn below the nodes, in the coordinates of the graph. */
  readonly lines: ReactNode;
  /** In the lower left corner. */
  readonly corner: ReactNode;
  readonly onChoose: (id: string | null) => void;
}

const MIN_ZOOM = 0.12;
const MAX_ZOOM = 2;
/** All is never shown larger than this. */
const FIT_ZOOM = 1.15;
const PADDING = 0.04;
/** The chosen node keeps this distance from the border of the canvas, px. */
const SIGHT = 24;
/** While a node is chosen, all is shown again where the graph keeps this share of its size at least. */
const SHRINK = 0.85;
/** Below, small texts cannot be read, and are not shown. */
const FAR_ZOOM = 0.62;

const selectFar = ({ transform: [, , zoom] }: { readonly transform: readonly [number, number, number] }) =>
  zoom < FAR_ZOOM;

export function Canvas(props: CanvasProps) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph(props: CanvasProps) {
  const { label, nodes, nodeTypes, bounds, focus, arrangement, lines, corner, onChoose } = props;
  const flow = useReactFlow();
  const isFar = useStore(selectFar);
  const frame = useRef<HTMLDivElement>(null);
  const shown = useRef(bounds);
  // Room for the buttons in the lower corners.
  shown.current = { ...bounds, height: bounds.height * 1.08 };
  const showAll = useCallback(() => {
    void flow.fitBounds(shown.current, { padding: PADDING }).then(() => {
      if (flow.getZoom() > FIT_ZOOM) {
        const { x, y, width, height } = shown.current;
        void flow.setCenter(x + width / 2, y + height / 2, { zoom: FIT_ZOOM });
      }
    });
  }, [flow]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: at each new arrangement
  useEffect(() => {
    showAll();
  }, [showAll, arrangement]);
  const chosen = useRef(focus);
  chosen.current = focus;
  /** Moves the view just so far that the chosen node is in sight. */
  const showChosen = useCallback(() => {
    const place = chosen.current;
    const element = frame.current;
    if (place === null || element === null) return;
    const view = flow.getViewport();
    const shift = (start: number, size: number, room: number) =>
      Math.max(SIGHT - start, 0) || Math.min(room - SIGHT - start - size, 0);
    const x = shift(view.x + place.x * view.zoom, place.width * view.zoom, element.clientWidth);
    const y = shift(view.y + place.y * view.zoom, place.height * view.zoom, element.clientHeight);
    if (x !== 0 || y !== 0) void flow.setViewport({ ...view, x: view.x + x, y: view.y + y });
  }, [flow]);
  const moved = useRef(false);
  const fit = useCallback(() => {
    const { width, height } = shown.current;
    const room = frame.current;
    const zoom = room === null ? 0 : Math.min(room.clientWidth / width, room.clientHeight / height);
    const staysLarge = zoom > SHRINK * flow.getZoom();
    if (moved.current || (chosen.current !== null && !staysLarge)) showChosen();
    else showAll();
  }, [flow, showAll, showChosen]);
  useSizeOf(frame, fit);
  const { x, y, width, height } = bounds;
  // A node that comes outside of what is shown would not be seen.
  // biome-ignore lint/correctness/useExhaustiveDependencies: at other bounds
  useEffect(() => {
    if (frame.current === null || moved.current) return;
    if (!isShown(flow.getViewport(), frame.current, shown.current)) showAll();
  }, [flow, showAll, x, y, width, height]);
  const zoom = (step: () => Promise<boolean>) => {
    moved.current = true;
    void step();
  };
  const onNodesChange = useCallback(
    (changes: NodeChange[]) => {
      const chosen = changes.find((change) => change.type === "select" && change.selected);
      if (chosen !== undefined && "id" in chosen) onChoose(chosen.id);
    },
    [onChoose],
  );
  return (
    <div className={isFar ? "fl-canvas is-far" : "fl-canvas"} ref={frame}>
      <ReactFlow
        aria-label={label}
        role="group"
        nodes={nodes}
        edges={NO_EDGES}
        nodeTypes={nodeTypes}
        onNodesChange={onNodesChange}
        onMove={(event) => {
          if (event !== null) moved.current = true;
        }}
        onPaneClick={() => onChoose(null)}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        elevateNodesOnSelect={false}
        selectNodesOnDrag={false}
        multiSelectionKeyCode={null}
        selectionKeyCode={null}
        deleteKeyCode={null}
        zoomOnDoubleClick={false}
        onlyRenderVisibleElements
        autoPanOnNodeFocus
        minZoom={MIN_ZOOM}
        maxZoom={MAX_ZOOM}
        proOptions={HIDE_ATTRIBUTION}
      >
        <ViewportPortal>{lines}</ViewportPortal>
        <Panel position="bottom-right" className="fl-canvas__zoom">
          <Button
            variant="control"
            aria-label="Zoom in"
            icon={<ZoomInIcon />}
            onClick={() => zoom(flow.zoomIn)}
          />
          <Button
            variant="control"
            aria-label="Zoom out"
            icon={<ZoomOutIcon />}
            onClick={() => zoom(flow.zoomOut)}
          />
          <Button
            variant="control"
            aria-label="Show all"
            title="Show all"
            icon={<FitIcon />}
            onClick={() => {
              moved.current = false;
              showAll();
            }}
          />
        </Panel>
        {corner === null ? null : <Panel position="bottom-left">{corner}</Panel>}
      </ReactFlow>
    </div>
  );
}

const NO_EDGES: never[] = [];
const HIDE_ATTRIBUTION = { hideAttribution: true };

/** Whether a rectangle of the graph lies in the part that is shown. */
function isShown(view: Viewport, frame: HTMLElement, { x, y, width, height }: Rectangle): boolean {
  const [left, top] = [view.x + x * view.zoom, view.y + y * view.zoom];
  return (
    left >= 0 &&
    top >= 0 &&
    left + width * view.zoom <= frame.clientWidth &&
    top + height * view.zoom <= frame.clientHeight
  );
}

/** Calls `onSize` when the size of the canvas changes. */
function useSizeOf(frame: { readonly current: HTMLDivElement | null }, onSize: () => void): void {
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(onSize);
    observer.observe(element);
    return () => observer.disconnect();
  }, [frame, onSize]);
}

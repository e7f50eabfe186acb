/** A graph that can be moved and zoomed, with nodes that keyboards and screen readers reach. */
import {
  type Node,
  type NodeChange,
  type NodeTypes,
  Panel,
  ReactFlow,
  ReactFlowProvider,
  useReactFlow,
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
  /** Changes when everything is arranged anew: the view then shows all again. */
  readonly arrangement: number | string;
  /** Drawn below the nodes, in the coordinates of the graph. */
  readonly lines: ReactNode;
  readonly legend: ReactNode;
  readonly onChoose: (id: string | null) => void;
}

const MIN_ZOOM = 0.12;
const MAX_ZOOM = 2;
/** All is never shown larger than this. */
const FIT_ZOOM = 1.15;
const PADDING = 0.06;

export function Canvas(props: CanvasProps) {
  return (
    <ReactFlowProvider>
      <Graph {...props} />
    </ReactFlowProvider>
  );
}

function Graph({ label, nodes, nodeTypes, bounds, arrangement, lines, legend, onChoose }: CanvasProps) {
  const flow = useReactFlow();
  const frame = useRef<HTMLDivElement>(null);
  const shown = useRef(bounds);
  // Room for the buttons in the lower corners.
  shown.current = { ...bounds, height: bounds.height * 1.1 };
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
  useFitUntilMoved(frame, showAll);
  const onNodesChange = useCallback(
    (changes: NodeChange[]) => {
      const chosen = changes.find((change) => change.type === "select" && change.selected);
      if (chosen !== undefined && "id" in chosen) onChoose(chosen.id);
    },
    [onChoose],
  );
  return (
    <div className="fl-canvas" ref={frame}>
      <ReactFlow
        aria-label={label}
        role="group"
        nodes={nodes}
        edges={NO_EDGES}
        nodeTypes={nodeTypes}
        onNodesChange={onNodesChange}
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
            onClick={() => void flow.zoomIn()}
          />
          <Button
            variant="control"
            aria-label="Zoom out"
            icon={<ZoomOutIcon />}
            onClick={() => void flow.zoomOut()}
          />
          <Button
            variant="control"
            aria-label="Show all"
            title="Show all"
            icon={<FitIcon />}
            onClick={showAll}
          />
        </Panel>
        <Panel position="bottom-left">{legend}</Panel>
      </ReactFlow>
    </div>
  );
}

const NO_EDGES: never[] = [];
const HIDE_ATTRIBUTION = { hideAttribution: true };

/** Shows all again when the size of the canvas changes, until somebody moves the view. */
function useFitUntilMoved(frame: { readonly current: HTMLDivElement | null }, showAll: () => void): void {
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    let isMoved = false;
    const move = () => {
      isMoved = true;
    };
    const observer = new ResizeObserver(() => {
      if (!isMoved) showAll();
    });
    observer.observe(element);
    element.addEventListener("wheel", move, { passive: true });
    element.addEventListener("pointerdown", move);
    return () => {
      observer.disconnect();
      element.removeEventListener("wheel", move);
      element.removeEventListener("pointerdown", move);
    };
  }, [frame, showAll]);
}

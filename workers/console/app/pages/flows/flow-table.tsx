// biome-ignore-all lint/a11y/useSemanticElements: rows of a table element cannot be placed where they are drawn
// biome-ignore-all lint/a11y/useFocusableInteractive: rows are reached, and their cells and headings are read
// biome-ignore-all lint/suspicious/noArrayIndexKey: columns keep their order
/** Flows in a table that draws only the rows in sight. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";
import type { SiteFlowRecord } from "../../../../../protocol/telemetry/flow-record.ts";
import { visible } from "../../../../../protocol/text.ts";
import { fromOf, toOf } from "../../flows/flow-export.ts";
import { bytesText, latencyText } from "../../format/quantity.ts";
import { absoluteText } from "../../format/time.ts";
import type { NumberedRecord } from "../../live/traffic-state.ts";

interface FlowTableProps {
  /** Newest first. */
  readonly rows: readonly NumberedRecord[];
  readonly chosen: number | null;
  readonly onChoose: (number: number | null) => void;
}

const ROW_HEIGHT = 34;

/** Whether a flow ended in another way than it should. */
export function isFailed({ outcome, status }: SiteFlowRecord): boolean {
  return (
    (outcome !== null && outcome !== "completed") || (status !== undefined && (status >= 500 || status === 0))
  );
}

export function FlowTable({ rows, chosen, onChoose }: FlowTableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 10,
    getItemKey: (index) => rows[index]?.number ?? index,
  });
  return (
    <div className="fl-flows" role="table" aria-label="Flows" aria-rowcount={rows.length + 1}>
      <div className="fl-flows__scroll" ref={scroller}>
        <div role="rowgroup" className="fl-flows__head">
          <div className="fl-flow" role="row" aria-rowindex={1}>
            {["Time", "From", "Service", "To", "Request", "Result", "Took", "Bytes"].map((name) => (
              <span key={name} role="columnheader">
                {name}
              </span>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="fl-flows__body" style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index];
            return row === undefined ? null : (
              <FlowRow
                key={row.number}
                row={row}
                index={index}
                start={start}
                isChosen={row.number === chosen}
                onChoose={onChoose}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface FlowRowProps {
  readonly row: NumberedRecord;
  readonly index: number;
  readonly start: number;
  readonly isChosen: boolean;
  readonly onChoose: (number: number | null) => void;
}

function FlowRow({ row: { number, record }, index, start, isChosen, onChoose }: FlowRowProps) {
  const choose = () => onChoose(isChosen ? null : number);
  const failed = isFailed(record);
  const cells = [
    timeText(record.at),
    fromOf(record) || "?",
    record.service,
    toOf(record) || "no site",
    record.kind === "request" ? `${record.method ?? ""} ${record.path ?? ""}` : record.protocol,
    resultOf(record),
    latencyText(record.ms),
    bytesText(record.bytesToTarget + record.bytesToClient),
  ];
  return (
    <div
      className={`fl-flow fl-flow--row ${failed ? "fl-flow--failed" : ""} ${isChosen ? "is-chosen" : ""}`}
      role="row"
      tabIndex={0}
      aria-rowindex={index + 2}
      aria-current={isChosen}
      style={{ transform: `translateY(${start}px)` }}
      onClick={choose}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        choose();
      }}
    >
      {cells.map((text, column) => (
        <span key={column} role="cell" title={titleOf(record, column, text)}>
          <bdi>{visible(text)}</bdi>
          {column === FROM && record.process !== null ? (
            <bdi className="fl-flow__part"> {visible(record.process)}</bdi>
          ) : null}
        </span>
      ))}
    </div>
  );
}

/** The column of the client's site and process. */
const FROM = 1;

/** The whole of what a cell shows. */
function titleOf(record: SiteFlowRecord, column: number, text: string): string {
  if (column === 0) return absoluteText(record.at);
  return visible(column === FROM ? [text, record.process].filter(Boolean).join(" ") : text);
}

/** The time of day, to the millisecond. */
function timeText(at: number): string {
  const date = new Date(at);
  const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${pad(date.getMilliseconds(), 3)}`;
}

export function resultOf({ state, outcome, status }: SiteFlowRecord): string {
  if (status !== undefined && status > 0 && (outcome === null || outcome === "completed"))
    return String(status);
  if (state === "open") return "open";
  return [status === undefined || status === 0 ? null : status, outcome ?? "ended"].filter(Boolean).join(" ");
}

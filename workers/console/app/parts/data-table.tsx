/** A list of entries in a table: complete, sorted by its columns, and drawn in part where it is long. */
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type CSSProperties, type ReactNode, useLayoutEffect, useMemo, useRef, useState } from "react";
import { scrollerOf } from "./scroller.ts";
import "./data-table.css";

/** A column of entries. */
export interface Column<T> {
  /** The name in the URL for sorting. */
  readonly id: string;
  readonly label: string;
  readonly cell: (entry: T) => ReactNode;
  /** What to sort by; the column cannot be sorted without it. */
  readonly sort?: (entry: T) => string | number;
  /** Numbers stand at the end. */
  readonly isNumber?: boolean;
  readonly noWrap?: boolean;
  /** Names take the room that is left, and are cut where there is none. */
  readonly isName?: boolean;
  /** Actions on the entry stand at the end of its row. They are red where they are confirmed: in rows, red is broken. */
  readonly isAction?: boolean;
}

/** The share of a table's width that columns of names have together, %. */
const NAMES_SHARE = 60;

/** The class and the width of a cell of a column. */
export function cellLook(
  column: Pick<Column<never>, "isNumber" | "noWrap" | "isName" | "isAction">,
  names: number,
) {
  const classes = [
    ...(column.isNumber ? ["fl-end", "fl-figure"] : []),
    ...(column.noWrap || column.isNumber ? ["fl-nowrap"] : []),
    ...(column.isName ? ["fl-names-cell"] : []),
    ...(column.isAction ? ["fl-end", "fl-nowrap", "fl-actions"] : []),
  ];
  return {
    className: classes.join(" "),
    ...(column.isName ? { style: { "--fl-names-share": `${NAMES_SHARE / names}%` } as CSSProperties } : {}),
  };
}

interface DataTableProps<T> {
  /** What the table lists, for screen readers. */
  readonly label: string;
  readonly entries: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (entry: T) => string;
  /** The id of a column, with "-" before it for descending order. */
  readonly sort: string;
  readonly onSort: (sort: string) => void;
}

/** A list with more rows is drawn in part. */
const ALL_DRAWN = 150;
const ROW_PX = 45;

/** Entries in the order of a column. */
export function sorted<T>(entries: readonly T[], columns: readonly Column<T>[], sort: string): readonly T[] {
  const descending = sort.startsWith("-");
  const by = columns.find(({ id }) => id === (descending ? sort.slice(1) : sort))?.sort;
  if (by === undefined) return entries;
  const sign = descending ? -1 : 1;
  return entries.toSorted((a, b) => {
    const [left, right] = [by(a), by(b)];
    if (left === right) return 0;
    return (left < right ? -1 : 1) * sign;
  });
}

export function DataTable<T>({ label, entries, columns, keyOf, sort, onSort }: DataTableProps<T>) {
  const rows = useMemo(() => sorted(entries, columns, sort), [entries, columns, sort]);
  const descending = sort.startsWith("-");
  const sortedBy = descending ? sort.slice(1) : sort;
  const names = columns.filter(({ isName }) => isName).length;
  const head = (
    <Thead>
      <Tr>
        {columns.map((column, index) => (
          <Th
            key={column.id}
            modifier="nowrap"
            className={column.isNumber ? "fl-end fl-nowrap" : "fl-nowrap"}
            {...(column.sort === undefined
              ? {}
              : {
                  sort: {
                    columnIndex: index,
                    sortBy: {
                      index: columns.findIndex(({ id }) => id === sortedBy),
                      direction: descending ? ("desc" as const) : ("asc" as const),
                    },
                    onSort: () => onSort(sortedBy === column.id && !descending ? `-${column.id}` : column.id),
                  },
                })}
          >
            {column.label === "" ? <span className="pf-v6-screen-reader">Actions</span> : column.label}
          </Th>
        ))}
      </Tr>
    </Thead>
  );
  const row = (entry: T, index: number, measure?: (element: HTMLElement | null) => void) => (
    <Tr
      key={keyOf(entry)}
      data-index={index}
      aria-rowindex={index + 2}
      {...(measure ? { innerRef: measure } : {})}
    >
      {columns.map((column) => (
        <Td key={column.id} dataLabel={column.label} {...cellLook(column, names)}>
          {column.cell(entry)}
        </Td>
      ))}
    </Tr>
  );
  return (
    <div className="fl-table-scroll">
      <Table
        aria-label={label}
        aria-rowcount={rows.length + 1}
        variant="compact"
        gridBreakPoint="grid-md"
        className="fl-table"
      >
        {head}
        {rows.length <= ALL_DRAWN ? (
          <Tbody>{rows.map((entry, index) => row(entry, index))}</Tbody>
        ) : (
          <DrawnRows rows={rows} row={row} columns={columns.length} />
        )}
      </Table>
    </div>
  );
}

interface DrawnRowsProps<T> {
  readonly rows: readonly T[];
  readonly row: (entry: T, index: number, measure: (element: HTMLElement | null) => void) => ReactNode;
  readonly columns: number;
}

function DrawnRows<T>({ rows, row, columns }: DrawnRowsProps<T>) {
  const body = useRef<HTMLTableSectionElement>(null);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    if (body.current === null) return;
    const found = scrollerOf(body.current.closest(".fl-table-scroll") ?? body.current);
    setScroller(found);
    setMargin(body.current.getBoundingClientRect().top - found.getBoundingClientRect().top + found.scrollTop);
  }, []);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: margin,
    measureElement: (element) => element.getBoundingClientRect().height,
  });
  const drawn = virtual.getVirtualItems();
  const before = (drawn[0]?.start ?? margin) - margin;
  const after = virtual.getTotalSize() - ((drawn.at(-1)?.end ?? margin) - margin);
  return (
    <Tbody ref={body}>
      {before > 0 ? <Filler height={before} columns={columns} /> : null}
      {drawn.map(({ index }) => {
        const entry = rows[index];
        return entry === undefined ? null : row(entry, index, virtual.measureElement);
      })}
      {after > 0 ? <Filler height={after} columns={columns} /> : null}
    </Tbody>
  );
}

/** Keeps the place of rows that are not drawn. */
function Filler({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden>
      <td className="fl-table-filler" colSpan={columns} style={{ height }} />
    </tr>
  );
}

/** A short table. Long ones are DataTable's. */
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import type { ReactNode } from "react";
import { type Column, cellLook } from "./data-table.tsx";
import "./data-table.css";

/** The head of a column, and what its cells look like. */
type Head = Pick<Column<never>, "label" | "isNumber" | "noWrap" | "isName">;

interface SimpleTableProps {
  readonly label: string;
  readonly head: readonly (string | Head)[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
}

export function SimpleTable({ label, head, rows }: SimpleTableProps) {
  const columns = head.map((each): Head => (typeof each === "string" ? { label: each } : each));
  const names = columns.filter(({ isName }) => isName).length;
  return (
    <div className="fl-table-scroll">
      <Table aria-label={label} variant="compact" gridBreakPoint="grid-md" className="fl-table">
        <Thead>
          <Tr>
            {columns.map((column) => (
              <Th key={column.label} modifier="nowrap" className={column.isNumber ? "fl-end" : ""}>
                {column.label}
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {rows.map(({ key, cells }) => (
            <Tr key={key}>
              {columns.map((column, index) => (
                <Td key={column.label} dataLabel={column.label} {...cellLook(column, names)}>
                  {cells[index]}
                </Td>
              ))}
            </Tr>
          ))}
        </Tbody>
      </Table>
    </div>
  );
}

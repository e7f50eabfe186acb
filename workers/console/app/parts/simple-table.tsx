/** A short table. Long ones are DataTable's. */
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table";
import type { ReactNode } from "react";
import "./data-table.css";

interface SimpleTableProps {
  readonly label: string;
  readonly head: readonly string[];
  readonly rows: readonly { readonly key: string; readonly cells: readonly ReactNode[] }[];
}

export function SimpleTable({ label, head, rows }: SimpleTableProps) {
  return (
    <div className="fl-table-scroll">
      <Table aria-label={label} variant="compact" gridBreakPoint="grid-md" className="fl-table">
        <Thead>
          <Tr>
            {head.map((each) => (
              <Th key={each} modifier="nowrap">
                {each}
              </Th>
            ))}
          </Tr>
        </Thead>
        <Tbody>
          {rows.map(({ key, cells }) => (
            <Tr key={key}>
              {head.map((each, index) => (
                <Td key={each} dataLabel={each}>
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

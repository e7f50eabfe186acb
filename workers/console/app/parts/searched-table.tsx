/** A list of entries with its search. What is searched, and the order, stand in the address of the page. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { type ReactNode, useMemo } from "react";
import * as z from "zod";
import { type Fields, searched } from "../format/search.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { Nothing } from "./nothing.tsx";
import { SearchBar } from "./search-bar.tsx";
import { useParameters } from "./url-parameters.ts";

const Parameters = z.object({
  q: z.string().default("").catch(""),
  sort: z.string().optional().catch(undefined),
});

interface SearchedTableProps<T> {
  /** What is listed, in the plural: "sites". */
  readonly of: string;
  readonly entries: readonly T[];
  readonly columns: readonly Column<T>[];
  readonly keyOf: (entry: T) => string;
  /** What the search looks in. */
  readonly fieldsOf: (entry: T) => Fields;
  /** What may be searched for, such as `state:down`. */
  readonly hint: string;
  /** The order where the address has none: the id of a column, with "-" before it for descending order. */
  readonly order: string;
  /** Beside the search. */
  readonly children?: ReactNode;
}

export function SearchedTable<T>(props: SearchedTableProps<T>) {
  const { of, entries, columns, keyOf, fieldsOf, hint, order, children } = props;
  const [{ q, sort = order }, change] = useParameters(Parameters);
  const shown = useMemo(() => searched(entries, q, fieldsOf), [entries, q, fieldsOf]);
  const search = (text: string) => change({ q: text === "" ? undefined : text });
  return (
    <>
      <SearchBar
        label={`Search ${of}`}
        hint={hint}
        value={q}
        shown={shown.length}
        all={entries.length}
        onChange={search}
      >
        {children}
      </SearchBar>
      {shown.length === 0 && entries.length > 0 ? (
        <NoMatch of={of} onClear={() => search("")} />
      ) : (
        <DataTable
          label={`${of.charAt(0).toUpperCase()}${of.slice(1)}`}
          entries={shown}
          columns={columns}
          keyOf={keyOf}
          sort={sort}
          onSort={(next) => change({ sort: next === order ? undefined : next })}
        />
      )}
    </>
  );
}

/** Stands in for a list of which no entry matches the search. */
export function NoMatch({ of, onClear }: { of: string; onClear: () => void }) {
  return (
    <Nothing
      title={`No ${of} match`}
      actions={
        <Button variant="link" isInline onClick={onClear}>
          Clear the search
        </Button>
      }
    >
      Every word of the search has to match. A word with a colon looks in one field.
    </Nothing>
  );
}

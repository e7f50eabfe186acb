/** The search above a list, whose text is in the URL. */
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core/dist/esm/components/Toolbar";
import type { ReactNode } from "react";

import "./data-table.css";

interface SearchBarProps {
  /** What is searched: "Search sites". */
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** What may be written, such as `state:down`. */
  readonly hint: string;
  /** How many entries match, and how many there are. */
  readonly shown: number;
  readonly all: number;
  readonly children?: ReactNode;
}

export function SearchBar({ label, value, onChange, hint, shown, all, children }: SearchBarProps) {
  return (
    <Toolbar inset={{ default: "insetNone" }} className="fl-toolbar">
      <ToolbarContent>
        <ToolbarItem className="fl-search">
          <SearchInput
            aria-label={label}
            placeholder={hint}
            value={value}
            onChange={(_, text) => onChange(text)}
            onClear={() => onChange("")}
          />
        </ToolbarItem>
        {children}
        <ToolbarItem alignSelf="center" className="fl-subtle fl-figure">
          <span role="status">{shown === all ? `${all} in all` : `${shown} of ${all}`}</span>
        </ToolbarItem>
      </ToolbarContent>
    </Toolbar>
  );
}

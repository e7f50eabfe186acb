/** The search above a list, whose text is in the URL. */
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core/dist/esm/components/Toolbar";
import { type ReactNode, useState } from "react";

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
  // The URL follows what is typed. It may be late, and takes no letter back while the user types.
  const [draft, setDraft] = useState<string | null>(null);
  const change = (text: string) => {
    setDraft(text);
    onChange(text);
  };
  return (
    <Toolbar inset={{ default: "insetNone" }} className="fl-toolbar">
      <ToolbarContent>
        <ToolbarItem className="fl-search">
          <SearchInput
            aria-label={label}
            placeholder={hint}
            value={draft ?? value}
            onChange={(_, text) => change(text)}
            onClear={() => change("")}
            inputProps={{ onBlur: () => setDraft(null) }}
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

// biome-ignore-all lint/a11y/noStaticElementInteractions: only notices where the focus is
// biome-ignore-all lint/a11y/useSemanticElements: a list that suggests texts for a field that is typed in
// biome-ignore-all lint/a11y/useFocusableInteractive: the field keeps the focus, as that of a combobox does
// biome-ignore-all lint/a11y/useKeyWithClickEvents: the field handles the keys
// biome-ignore-all lint/a11y/noNoninteractiveElementToInteractiveRole: a list of options
/** The filter of flows, with suggestions and what is wrong with it. */
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { useId, useState } from "react";
import { FairleadError } from "../../../../../protocol/errors.ts";
import { parseFlowFilter } from "../../../../../protocol/telemetry/flow-filter.ts";
import { type KnownValues, suggestionsFor } from "../../flows/filter-suggestions.ts";

interface FilterBoxProps {
  readonly value: string;
  readonly known: KnownValues;
  readonly onChange: (value: string) => void;
}

/** What is wrong with a filter; null if nothing is. */
export function filterFault(filter: string): string | null {
  try {
    parseFlowFilter(filter);
    return null;
  } catch (error) {
    if (error instanceof FairleadError) return error.message;
    throw error;
  }
}

export function FilterBox({ value, known, onChange }: FilterBoxProps) {
  const [isOpen, setOpen] = useState(false);
  const [active, setActive] = useState(-1);
  const list = useId();
  const suggestions = isOpen ? suggestionsFor(value, known) : [];
  const fault = filterFault(value);
  const choose = (filter: string) => {
    onChange(filter);
    setActive(-1);
  };
  return (
    <div
      className="fl-filter"
      onFocus={() => setOpen(true)}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setOpen(false);
      }}
    >
      <SearchInput
        aria-label="Filter"
        placeholder="Filter: service:db !site:west status:5xx ms>100 login"
        value={value}
        onChange={(_, text) => {
          setActive(-1);
          setOpen(true);
          onChange(text);
        }}
        onClear={() => choose("")}
        onKeyDown={(event) => {
          if (event.key === "Escape") setOpen(false);
          if (suggestions.length === 0) return;
          if (event.key === "ArrowDown") setActive((active + 1) % suggestions.length);
          else if (event.key === "ArrowUp") setActive((active <= 0 ? suggestions.length : active) - 1);
          else if ((event.key === "Enter" || event.key === "Tab") && suggestions[active] !== undefined)
            choose(suggestions[active].filter);
          else return;
          event.preventDefault();
        }}
        inputProps={{
          role: "combobox",
          "aria-expanded": suggestions.length > 0,
          "aria-controls": list,
          "aria-autocomplete": "list",
          "aria-activedescendant": active < 0 ? undefined : `${list}-${active}`,
          autoComplete: "off",
          spellCheck: false,
        }}
      />
      <ul
        id={list}
        role="listbox"
        aria-label="Suggestions"
        className="fl-filter__list"
        hidden={suggestions.length === 0}
      >
        {suggestions.map(({ label, filter }, index) => (
          <li
            key={label}
            id={`${list}-${index}`}
            role="option"
            aria-selected={index === active}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => choose(filter)}
          >
            <bdi>{label}</bdi>
          </li>
        ))}
      </ul>
      {fault === null ? null : (
        <p className="fl-filter__fault" role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}

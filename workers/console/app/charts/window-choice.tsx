/** The choice of how far back charts reach. */
import { ToggleGroup, ToggleGroupItem } from "@patternfly/react-core/dist/esm/components/ToggleGroup";
import { WindowName } from "../../../../protocol/api/traffic.ts";

const TEXTS: Readonly<Record<WindowName, string>> = {
  "15m": "15 min",
  "1h": "1 h",
  "24h": "24 h",
  "7d": "7 d",
  "90d": "90 d",
};

interface WindowChoiceProps {
  readonly value: WindowName;
  readonly onChange: (value: WindowName) => void;
}

export function WindowChoice({ value, onChange }: WindowChoiceProps) {
  return (
    <ToggleGroup aria-label="How far back" isCompact>
      {WindowName.options.map((each) => (
        <ToggleGroupItem
          key={each}
          text={TEXTS[each]}
          buttonId={`window-${each}`}
          isSelected={value === each}
          onChange={() => onChange(each)}
        />
      ))}
    </ToggleGroup>
  );
}

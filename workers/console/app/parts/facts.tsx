/** Facts about something: terms, each with what holds for it. */
import {
  DescriptionList,
  DescriptionListDescription,
  DescriptionListGroup,
  DescriptionListTerm,
} from "@patternfly/react-core/dist/esm/components/DescriptionList";
import type { ReactNode } from "react";

export function Facts({ children }: { children: ReactNode }) {
  return (
    <DescriptionList isCompact isHorizontal horizontalTermWidthModifier={{ default: "9rem" }}>
      {children}
    </DescriptionList>
  );
}

export function Fact({ term, children }: { term: string; children: ReactNode }) {
  return (
    <DescriptionListGroup>
      <DescriptionListTerm>{term}</DescriptionListTerm>
      <DescriptionListDescription>{children}</DescriptionListDescription>
    </DescriptionListGroup>
  );
}

/** A list without entries: why, and the next command. */
import {
  EmptyState,
  EmptyStateBody,
  EmptyStateFooter,
} from "@patternfly/react-core/dist/esm/components/EmptyState";
import type { ComponentType, ReactNode } from "react";
import { CommandHint } from "./command-hint.tsx";

interface NothingProps {
  readonly title: string;
  readonly children: ReactNode;
  readonly icon?: ComponentType;
  readonly command?: string;
  readonly actions?: ReactNode;
  /** Whether it is one part of a page among others, which then takes less room. */
  readonly isPart?: boolean;
}

export function Nothing({ title, children, icon, command, actions, isPart = false }: NothingProps) {
  return (
    <EmptyState
      titleText={title}
      headingLevel={isPart ? "h3" : "h2"}
      variant={isPart ? "xs" : "sm"}
      {...(icon === undefined ? {} : { icon })}
    >
      <EmptyStateBody>{children}</EmptyStateBody>
      {command === undefined && actions === undefined ? null : (
        <EmptyStateFooter>
          {command === undefined ? null : <CommandHint command={command} />}
          {actions}
        </EmptyStateFooter>
      )}
    </EmptyState>
  );
}

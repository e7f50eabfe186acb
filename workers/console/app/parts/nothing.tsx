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
}

export function Nothing({ title, children, icon, command, actions }: NothingProps) {
  return (
    <EmptyState titleText={title} headingLevel="h2" variant="sm" {...(icon === undefined ? {} : { icon })}>
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

/** Facts about something: terms, each with what holds for it. */
import type { ReactNode } from "react";
import "./facts.css";

export function Facts({ children }: { children: ReactNode }) {
  return <dl className="fl-facts">{children}</dl>;
}

interface FactProps {
  readonly term: string;
  readonly children: ReactNode;
  /** Whether the text is long, such as an id. */
  readonly isWide?: boolean;
}

export function Fact({ term, children, isWide = false }: FactProps) {
  return (
    <div className={isWide ? "fl-fact--wide" : ""}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

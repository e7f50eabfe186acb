/** A part of a page, with its heading. */
import { type ReactNode, useId } from "react";
import "./section.css";

interface SectionProps {
  readonly title: string;
  /** Beside the heading: a way on, or an age. */
  readonly aside?: ReactNode;
  readonly children: ReactNode;
}

export function Section({ title, aside, children }: SectionProps) {
  const id = useId();
  return (
    <section className="fl-section" aria-labelledby={id}>
      <div className="fl-section__head">
        <h2 id={id}>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

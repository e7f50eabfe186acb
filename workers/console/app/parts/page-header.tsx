/** The head of a page: its heading, which has the focus after a navigation, and its actions. */
import { type ReactNode, useEffect, useRef } from "react";
import { CommandHint } from "./command-hint.tsx";
import { Name } from "./name.tsx";
import "./page-header.css";

interface PageHeaderProps {
  /** The heading, and the title of the document. */
  readonly title: string;
  /** Whether the heading is a name that others chose. */
  readonly isName?: boolean;
  /** What the page shows, in a sentence. */
  readonly children?: ReactNode;
  /** Beside the heading, such as a state. */
  readonly badge?: ReactNode;
  readonly actions?: ReactNode;
  /** The command that shows the same. */
  readonly command?: string;
}

/** Whether a page was shown before: the first one does not take the focus from the address. */
let isNavigation = false;

export function PageHeader({ title, isName = false, children, badge, actions, command }: PageHeaderProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Fairlead`;
  }, [title]);
  useEffect(() => {
    if (isNavigation) heading.current?.focus({ preventScroll: true });
    isNavigation = true;
  }, []);
  return (
    <header className="fl-page-header">
      <div className="fl-page-header__text">
        <div className="fl-page-header__title">
          <h1 ref={heading} tabIndex={-1}>
            {isName ? <Name>{title}</Name> : title}
          </h1>
          {badge}
        </div>
        {children === undefined ? null : <div className="fl-subtle">{children}</div>}
        {command === undefined ? null : <CommandHint command={command} />}
      </div>
      {actions}
    </header>
  );
}

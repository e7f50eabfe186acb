/** What surrounds pages that belong to no network: sign-in, the first network, errors. */
import type { ReactNode } from "react";
import { Mark } from "./wordmark.tsx";
import "./shell.css";
import "./outside.css";

export function Outside({ children }: { children: ReactNode }) {
  return (
    <div className="fl-outside">
      <header className="fl-outside__brand">
        <Mark />
        Fairlead
      </header>
      <main>{children}</main>
    </div>
  );
}

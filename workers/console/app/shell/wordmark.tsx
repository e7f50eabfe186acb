/** The name of the product: a ring that guides a rope, which is what a fairlead is. */
import { Link } from "@tanstack/react-router";

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <circle cx="16" cy="16" r="10" fill="none" strokeWidth="3.5" className="fl-brand__ring" />
      <path
        d="M1.5 22c6 0 8-6 14.500-6S24 10 30.500 10"
        fill="none"
        strokeWidth="3.5"
        strokeLinecap="round"
        className="fl-brand__rope"
      />
    </svg>
  );
}

export function Wordmark({ network }: { network: string }) {
  return (
    <Link to="/networks/$network" params={{ network }} className="fl-brand" aria-label="Fairlead: overview">
      <Mark />
      <span className="fl-brand__word">Fairlead</span>
    </Link>
  );
}

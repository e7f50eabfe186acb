/** How many failed, and which share of all. */
import { countText } from "../../format/quantity.ts";

export function Failed({ failed, events }: { failed: number; events: number }) {
  if (failed === 0) return <>{events === 0 ? "–" : "none"}</>;
  const share = Math.min(100, (100 * failed) / Math.max(1, events));
  return (
    <span className="fl-failed">
      {countText(failed)} ({share < 0.1 ? "< 0.1" : share > 99.9 ? "100" : share.toFixed(1)} %)
    </span>
  );
}

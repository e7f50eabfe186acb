/** What is shown until something has arrived. */
import { Skeleton } from "@patternfly/react-core/dist/esm/components/Skeleton";

export function Waiting({ what, rows = 3 }: { what: string; rows?: number }) {
  return (
    <div role="status" aria-label={`Loading ${what}`} className="fl-findings">
      {Array.from({ length: rows }, (_, row) => `row ${row}`).map((row, index) => (
        <Skeleton key={row} width={`${90 - index * 15}%`} />
      ))}
    </div>
  );
}

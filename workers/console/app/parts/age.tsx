/** Points in time: relative, with the absolute time on hover. */
import { absoluteText, durationText, relativeText } from "../format/time.ts";
import { useNow } from "../live/use-now.ts";

/** How long ago a point in time was. */
export function Age({ at }: { at: string | null | undefined }) {
  const now = useNow();
  if (at === null || at === undefined) return <span className="fl-subtle">never</span>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={absoluteText(ms)}>
      {relativeText(ms, now)}
    </time>
  );
}

/** For how long something has been so. */
export function Since({ at }: { at: string }) {
  const now = useNow();
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={`Since ${absoluteText(ms)}`}>
      {durationText(Math.max(0, now - ms))}
    </time>
  );
}

/** Points in time: relative, with the absolute time on hover. */
import { absoluteText, durationText, relativeText } from "../format/time.ts";
import { useBrowserNow, useNow } from "../live/use-now.ts";

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

/**
 * How old an answer is that the page does not keep live.
 *
 * @param at when it came, by the browser's clock, ms since 1970; 0 before
 */
export function AsOf({ at }: { at: number }) {
  const now = useBrowserNow();
  if (at === 0) return null;
  return (
    <span className="fl-subtle">
      Read{" "}
      <time dateTime={new Date(at).toISOString()} title={absoluteText(at)}>
        {relativeText(at, now)}
      </time>
    </span>
  );
}

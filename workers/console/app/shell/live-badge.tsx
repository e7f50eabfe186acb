/** Whether the page is live, and how old it is. */
import { Tooltip } from "@patternfly/react-core/dist/esm/components/Tooltip";
import { clockText, durationText } from "../format/time.ts";
import { useLive, useLiveStore, usePhase } from "../live/use-live.tsx";
import { useBrowserNow } from "../live/use-now.ts";

const TEXTS = { connecting: "Connecting", open: "Live", lost: "Not live" } as const;

export function LiveBadge() {
  const { state } = usePhase();
  return (
    <Tooltip content={<LiveDetail />} maxWidth="13rem" position="bottom">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: the age is shown on focus, too */}
      <span className={`fl-live fl-live--${state}`} role="status" tabIndex={0} aria-label={TEXTS[state]}>
        <span className="fl-live__dot" />
        <span className="fl-live__text">{TEXTS[state]}</span>
      </span>
    </Tooltip>
  );
}

function LiveDetail() {
  const now = useBrowserNow(1000);
  const { heardAt } = useLiveStore();
  const { state } = usePhase();
  if (heardAt === null) return <>The edge has not been heard yet.</>;
  const ago = durationText(now - heardAt);
  return state === "open" ? (
    <>Every change is shown as it happens. The edge was last heard {ago} ago.</>
  ) : (
    <>What you see is {ago} old.</>
  );
}

/** Says that the channel was lost, since when, and when the next attempt is. */
export function LostBanner() {
  const phase = usePhase();
  const store = useLiveStore();
  const isKnown = useLive((state) => state.status !== null);
  const now = useBrowserNow(1000);
  if (phase.state !== "lost") return null;
  const seconds = Math.max(0, Math.ceil((phase.retryAt - now) / 1000));
  return (
    <div className="fl-lost" role="alert">
      <strong>The connection to the edge is lost.</strong>
      <span>
        {phase.reason === null ? null : `${phase.reason} `}
        {isKnown
          ? `What you see is of ${clockText(store.heardAt ?? phase.since)}.`
          : "Nothing was received yet."}
      </span>
      <span aria-live="off">{seconds === 0 ? "Trying again now." : `Next attempt in ${seconds} s.`}</span>
      <button type="button" onClick={() => store.retry()}>
        Try now
      </button>
    </div>
  );
}

/** Events, newest first. */
import type { NetworkEvent } from "../../../../protocol/api/events.ts";
import { visible } from "../../../../protocol/text.ts";
import { absoluteText, relativeText } from "../format/time.ts";
import { useNow } from "../live/use-now.ts";
import { SiteName } from "./name.tsx";
import "./event-list.css";

/** An event of a failure. */
export const isFailure = ({ code }: NetworkEvent): boolean => code !== undefined;

export function EventRow({ event }: { event: NetworkEvent }) {
  const now = useNow(15_000);
  const { at, type, site, text, code, actor, count } = event;
  const ms = Date.parse(at);
  return (
    <div className="fl-event">
      <time dateTime={at} title={absoluteText(ms)} className="fl-subtle fl-figure">
        {relativeText(ms, now)}
      </time>
      <span className="fl-event__type fl-mono">{type}</span>
      <span className="fl-event__text">
        <bdi>{visible(text)}</bdi>
        {count === undefined ? null : <span className="fl-subtle"> ({count} times within a minute)</span>}
        {code === undefined ? null : <span className="fl-event__code fl-mono"> {code}</span>}
        {site === undefined || text.includes(site) ? null : (
          <>
            {" "}
            <SiteName name={site} />
          </>
        )}
        {actor === site || actor === "edge" ? null : (
          <span className="fl-subtle">
            {" "}
            by <bdi>{visible(actor)}</bdi>
          </span>
        )}
      </span>
    </div>
  );
}

export function EventList({ events }: { events: readonly NetworkEvent[] }) {
  return (
    <ol className="fl-events">
      {events.map((event) => (
        <li key={event.id}>
          <EventRow event={event} />
        </li>
      ))}
    </ol>
  );
}

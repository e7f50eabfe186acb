/** A long list of events, drawn in part. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useLayoutEffect, useRef, useState } from "react";
import type { NetworkEvent } from "../../../../protocol/api/events.ts";
import { EventList, EventRow } from "./event-list.tsx";
import { scrollerOf } from "./scroller.ts";

/** A list with more events is drawn in part. */
const ALL_DRAWN = 200;
const ROW_PX = 34;

export function EventLog({ events }: { events: readonly NetworkEvent[] }) {
  return events.length <= ALL_DRAWN ? <EventList events={events} /> : <DrawnEvents events={events} />;
}

function DrawnEvents({ events }: { events: readonly NetworkEvent[] }) {
  const list = useRef<HTMLOListElement>(null);
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const [margin, setMargin] = useState(0);
  useLayoutEffect(() => {
    if (list.current === null) return;
    const found = scrollerOf(list.current);
    setScroller(found);
    setMargin(list.current.getBoundingClientRect().top - found.getBoundingClientRect().top + found.scrollTop);
  }, []);
  const virtual = useVirtualizer({
    count: events.length,
    getScrollElement: () => scroller,
    getItemKey: (index) => events[index]?.id ?? index,
    estimateSize: () => ROW_PX,
    overscan: 15,
    scrollMargin: margin,
  });
  return (
    <ol className="fl-events" ref={list} style={{ height: virtual.getTotalSize(), position: "relative" }}>
      {virtual.getVirtualItems().map(({ index, key, start }) => {
        const event = events[index];
        return event === undefined ? null : (
          <li
            key={key}
            data-index={index}
            ref={virtual.measureElement}
            style={{ insetInline: 0, position: "absolute", top: start - margin }}
          >
            <EventRow event={event} />
          </li>
        );
      })}
    </ol>
  );
}

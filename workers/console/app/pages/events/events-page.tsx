/** The event log of a network, live. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { FormSelect, FormSelectOption } from "@patternfly/react-core/dist/esm/components/FormSelect";
import { ToolbarItem } from "@patternfly/react-core/dist/esm/components/Toolbar";
import EventsIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-list-icon";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { EventGroup, type NetworkEvent } from "../../../../../protocol/api/events.ts";
import { eventsBefore } from "../../api/events.ts";
import { fairlead } from "../../format/command.ts";
import { type Fields, searched } from "../../format/search.ts";
import { useEvents, useStatus } from "../../live/use-live.tsx";
import { EventLog } from "../../parts/event-log.tsx";
import { Failure } from "../../parts/failure.tsx";
import { useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { SearchBar } from "../../parts/search-bar.tsx";
import { Section } from "../../parts/section.tsx";
import { Waiting } from "../../parts/waiting.tsx";
import { merged, wants } from "./merge-events.ts";

const ROUTE = "/networks/$network/events";

const fieldsOf = ({ type, site, text, code, actor }: NetworkEvent): Fields => ({
  type,
  site,
  text,
  code,
  actor,
  outcome: code === undefined ? "ok" : "failed",
});

export default function EventsPage() {
  const network = useNetworkName();
  const { q = "", type, site } = useSearch({ from: ROUTE });
  const navigate = useNavigate({ from: ROUTE });
  const status = useStatus();
  const live = useEvents();
  const older = useInfiniteQuery({
    queryKey: ["network", network, "events", type ?? null, site ?? null],
    queryFn: ({ pageParam }) => eventsBefore(network, { type, site }, pageParam),
    initialPageParam: null as number | null,
    getNextPageParam: (page) => (page.more ? (page.events[0]?.id ?? null) : null),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const all = useMemo(
    () =>
      merged(
        (older.data?.pages ?? []).flatMap((page) => page.events),
        live.filter((event) => wants(event, { type, site })),
      ),
    [older.data, live, type, site],
  );
  const shown = searched(all, q, fieldsOf);
  const change = (next: { q?: string; type?: string; site?: string }) =>
    void navigate({
      search: (before) => {
        const search = { ...before, ...next };
        return { q: search.q || undefined, type: search.type || undefined, site: search.site || undefined };
      },
      replace: true,
    });
  return (
    <>
      <PageHeader
        title="Events"
        command={fairlead(
          ...["events", "--follow"],
          ...(type === undefined ? [] : ["--type", type]),
          ...(site === undefined ? [] : ["--site", site]),
        )}
      >
        What happened in the network, newest first. New events appear by themselves.
      </PageHeader>
      <Section title="Event log">
        <SearchBar
          label="Search events"
          hint="berlin, outcome:failed, NOT type:uplink"
          value={q}
          shown={shown.length}
          all={all.length}
          onChange={(value) => change({ q: value })}
        >
          <ToolbarItem>
            <FormSelect aria-label="Type" value={type ?? ""} onChange={(_, value) => change({ type: value })}>
              <FormSelectOption value="" label="All types" />
              {EventGroup.options.map((group) => (
                <FormSelectOption key={group} value={group} label={group} />
              ))}
              {type === undefined || EventGroup.safeParse(type).success ? null : (
                <FormSelectOption value={type} label={type} />
              )}
            </FormSelect>
          </ToolbarItem>
          <ToolbarItem>
            <FormSelect aria-label="Site" value={site ?? ""} onChange={(_, value) => change({ site: value })}>
              <FormSelectOption value="" label="All sites" />
              {(status?.sites ?? []).map(({ id, name }) => (
                <FormSelectOption key={id} value={name} label={name} />
              ))}
              {site === undefined || status?.sites.some(({ name }) => name === site) ? null : (
                <FormSelectOption value={site} label={site} />
              )}
            </FormSelect>
          </ToolbarItem>
        </SearchBar>
        {older.error !== null ? <Failure error={older.error} retry={() => void older.refetch()} /> : null}
        {shown.length > 0 ? (
          <EventLog events={shown} />
        ) : older.isPending ? (
          <Waiting what="events" />
        ) : (
          <Nothing title={all.length === 0 ? "No event" : "No event matches"} icon={EventsIcon}>
            {all.length === 0 ? "Nothing of this kind has happened." : "Change the search, or clear it."}
          </Nothing>
        )}
        {older.hasNextPage ? (
          <div>
            <Button
              variant="secondary"
              isLoading={older.isFetchingNextPage}
              onClick={() => void older.fetchNextPage()}
            >
              Older events
            </Button>
          </div>
        ) : older.isSuccess && shown.length > 0 ? (
          <p className="fl-subtle">The log begins here.</p>
        ) : null}
      </Section>
    </>
  );
}

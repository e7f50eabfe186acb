/** Streams and requests as they happen, and the notable ones that are kept. */
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { ToggleGroup, ToggleGroupItem } from "@patternfly/react-core/dist/esm/components/ToggleGroup";
import FlowsIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-arrow-left-right-icon";
import PauseIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-pause-fill-icon";
import PlayIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-play-fill-icon";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import * as z from "zod";
import type { NetworkStatus } from "../../../../../protocol/api/status.ts";
import { FlowPage } from "../../../../../protocol/api/traffic.ts";
import type { SiteFlowRecord } from "../../../../../protocol/telemetry/flow-record.ts";
import { apiPath, call } from "../../api/client.ts";
import type { KnownValues } from "../../flows/filter-suggestions.ts";
import { toCsv, toJsonLines } from "../../flows/flow-export.ts";
import { fairlead } from "../../format/command.ts";
import { countText } from "../../format/quantity.ts";
import type { NumberedRecord } from "../../live/traffic-state.ts";
import { useStatus, useTail, useTraffic } from "../../live/use-live.tsx";
import { Age } from "../../parts/age.tsx";
import { Failure } from "../../parts/failure.tsx";
import { useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { Waiting } from "../../parts/waiting.tsx";
import { FilterBox, filterFault } from "./filter-box.tsx";
import { FlowDetail } from "./flow-detail.tsx";
import { FlowTable } from "./flow-table.tsx";
import "./flows.css";

const Search = z.object({
  filter: z.string().max(1000).default("").catch(""),
  /** "kept" shows errors and the slowest of each minute. */
  show: z.enum(["live", "kept"]).default("live").catch("live"),
});

/** A filter is sent to the connectors when nobody has typed for this time, ms. */
const TYPING_MS = 400;

export default function FlowsPage() {
  const [{ filter, show }, change] = useParameters(Search);
  const status = useStatus();
  const known = useMemo(() => knownValues(status), [status]);
  const settled = useSettled(filter);
  const isValid = filterFault(settled) === null;
  const command =
    show === "live"
      ? fairlead("flows", "--follow", ...(filter === "" ? [] : [filter]))
      : fairlead("flows", ...(filter === "" ? [] : [filter]));
  return (
    <div className="fl-flows-page">
      <PageHeader title="Flows" command={command} />
      <div className="fl-flows-page__bar">
        <ToggleGroup aria-label="Which flows">
          <ToggleGroupItem
            text="Live"
            buttonId="flows-live"
            isSelected={show === "live"}
            onChange={() => change({ show: "live" })}
          />
          <ToggleGroupItem
            text="Errors and slowest"
            buttonId="flows-kept"
            isSelected={show === "kept"}
            onChange={() => change({ show: "kept" })}
          />
        </ToggleGroup>
        <FilterBox value={filter} known={known} onChange={(text) => change({ filter: text })} />
      </div>
      {show === "kept" ? (
        <KeptFlows filter={isValid ? settled : null} />
      ) : (
        <LiveFlows filter={isValid ? settled : null} />
      )}
    </div>
  );
}

/** A text that has not changed for a while. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function knownValues(status: NetworkStatus | null): KnownValues {
  if (status === null) return {};
  const sites = status.sites.map(({ name }) => name);
  return {
    service: status.services.map(({ name }) => name),
    site: sites,
    peer: sites,
    from: sites,
    to: sites,
  };
}

/** Records arrive in batches from several connectors. */
const newestFirst = (records: readonly NumberedRecord[]): NumberedRecord[] =>
  records.toSorted((a, b) => b.record.at - a.record.at || b.number - a.number);

/** What was on the screen when somebody paused. */
interface Pause {
  readonly records: readonly NumberedRecord[];
  readonly left: number;
}

function LiveFlows({ filter }: { filter: string | null }) {
  const { records, left } = useTail(filter);
  const [pause, setPause] = useState<Pause | null>(null);
  const shown = useDeferredValue(pause?.records ?? records);
  const rows = useMemo(() => newestFirst(shown), [shown]);
  const waiting = pause === null ? 0 : (records.at(-1)?.number ?? 0) - (pause.records.at(-1)?.number ?? 0);
  const leftOut = pause?.left ?? left;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another filter begins anew
  useEffect(() => setPause(null), [filter]);
  return (
    <>
      <div className="fl-flows-page__bar">
        <Button
          variant="secondary"
          icon={pause === null ? <PauseIcon /> : <PlayIcon />}
          onClick={() => setPause(pause === null ? { records, left } : null)}
        >
          {pause === null ? "Pause" : "Continue"}
        </Button>
        <span className="fl-subtle fl-figure" role="status">
          {pause === null
            ? `${countText(rows.length)} flows, from the last minute on`
            : `Paused at ${countText(rows.length)} flows; ${waiting > 0 ? `${countText(waiting)} came since` : "none came since"}`}
          {leftOut > 0 ? ` · ${countText(leftOut)} more matched and were left out` : ""}
        </span>
        <Export rows={rows} />
      </div>
      {rows.length === 0 ? (
        <Nothing title="Nothing passes now" icon={FlowsIcon} command={fairlead("flows", "--follow")}>
          {filter === null || filter === ""
            ? "Streams and requests appear here as they happen, at the latest a second after they ended."
            : "No stream and no request of the last minute matches the filter. What matches appears here as it happens."}
        </Nothing>
      ) : (
        <Rows rows={rows} />
      )}
    </>
  );
}

/** The traffic of the last steps, whose counts say when there is something new to read. */
const TRAFFIC = { window: "15m" } as const;

/** Kept flows are read again at most this often, ms. */
const READ_MS = 5000;

/** A number that changes with each stream and request that ended in the network. */
function useEnded(): number {
  const { traffic } = useTraffic(TRAFFIC);
  return (traffic?.groups ?? []).reduce((sum, { totals }) => sum + totals.closed + totals.requests, 0);
}

/** Calls `read` when a number changed, not more often than once in {@link READ_MS}. */
function useReadAt(changing: number, read: () => void): void {
  const last = useRef({ number: changing, at: Date.now() });
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => {
    const { number, at } = last.current;
    if (number === changing) return;
    const timer = setTimeout(
      () => {
        last.current = { number: changing, at: Date.now() };
        if (number !== 0) latest.current();
      },
      Math.max(0, at + READ_MS - Date.now()),
    );
    return () => clearTimeout(timer);
  }, [changing]);
}

/** Gives a record the same number each time that it is read, so that the chosen one stays so. */
function useNumbers(): (record: SiteFlowRecord) => NumberedRecord {
  const numbers = useRef(new Map<string, number>());
  return useCallback((record: SiteFlowRecord) => {
    const { site, at, session, stream, client, kind, path, ms } = record;
    const key = JSON.stringify([site.site, at, session, stream, client, kind, path, ms]);
    const number = numbers.current.get(key) ?? numbers.current.size;
    numbers.current.set(key, number);
    return { number, record };
  }, []);
}

function KeptFlows({ filter }: { filter: string | null }) {
  const network = useNetworkName();
  const query = new URLSearchParams({
    limit: "1000",
    ...(filter === null || filter === "" ? {} : { filter }),
  });
  const { data, dataUpdatedAt, error, refetch } = useQuery({
    queryKey: ["network", network, "flows", filter],
    queryFn: () => call(`${apiPath`/v1/networks/${network}/flows`}?${query}`, FlowPage),
    enabled: filter !== null,
    placeholderData: keepPreviousData,
  });
  useReadAt(useEnded(), () => void refetch());
  const number = useNumbers();
  const rows = useMemo(() => newestFirst((data?.flows ?? []).map(number)), [data, number]);
  if (error !== null) return <Failure error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Waiting what="flows" />;
  return (
    <>
      <div className="fl-flows-page__bar">
        <span className="fl-subtle fl-figure" role="status">
          {countText(rows.length)} flows{data.more ? ", the newest of more" : ""} · read{" "}
          <Age at={new Date(dataUpdatedAt).toISOString()} />
        </span>
        <Export rows={rows} />
      </div>
      {rows.length === 0 ? (
        <Nothing
          title="No errors, and nothing slow"
          icon={FlowsIcon}
          command={fairlead("flows", "outcome:failed")}
        >
          Of each minute with traffic, its errors and its slowest flows are kept.
        </Nothing>
      ) : (
        <Rows rows={rows} />
      )}
    </>
  );
}

function Rows({ rows }: { rows: readonly NumberedRecord[] }) {
  const [chosen, setChosen] = useState<NumberedRecord | null>(null);
  return (
    <div className={chosen === null ? "fl-flows-page__stage" : "fl-flows-page__stage has-detail"}>
      <FlowTable
        rows={rows}
        chosen={chosen?.number ?? null}
        onChoose={(number) => setChosen(rows.find((row) => row.number === number) ?? null)}
      />
      {chosen === null ? null : <FlowDetail record={chosen.record} onClose={() => setChosen(null)} />}
    </div>
  );
}

function Export({ rows }: { rows: readonly NumberedRecord[] }) {
  const save = (name: string, type: string, text: string) => {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement("a");
    link.href = address;
    link.download = name;
    link.click();
    URL.revokeObjectURL(address);
  };
  // Files list what was first first.
  const records = () => rows.map(({ record }) => record).toReversed();
  const isOff = rows.length === 0;
  return (
    <span className="fl-flows-page__export">
      <Button
        variant="link"
        isDisabled={isOff}
        onClick={() => save("flows.jsonl", "application/jsonl", toJsonLines(records()))}
      >
        Save as JSON lines
      </Button>
      <Button
        variant="link"
        isDisabled={isOff}
        onClick={() => save("flows.csv", "text/csv", toCsv(records()))}
      >
        Save as CSV
      </Button>
    </span>
  );
}

/** The services of a network: where they are, whether they work, and what passes. */
import ServicesIcon from "@patternfly/react-icons/dist/esm/icons/rh-ui-applications-icon";
import { useMemo } from "react";
import * as z from "zod";
import type { Service } from "../../../../../protocol/api/services.ts";
import type { TrafficGroup } from "../../../../../protocol/api/traffic.ts";
import { fairlead } from "../../format/command.ts";
import { latencyText } from "../../format/quantity.ts";
import { searched } from "../../format/search.ts";
import { useStatus, useTraffic } from "../../live/use-live.tsx";
import { Age } from "../../parts/age.tsx";
import { type Column, DataTable } from "../../parts/data-table.tsx";
import { ServiceName, SiteName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { SearchBar } from "../../parts/search-bar.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { Waiting } from "../../parts/waiting.tsx";
import { type Latency, latencyOf, NO_RATES, type Rates, ratesOf, sumOf } from "../../traffic/rates.ts";
import { Failed } from "./failed.tsx";
import { NowRates } from "./now-rates.tsx";
import { balanceText, HEALTH_ORDER, healthOf, isWell, ServiceHealth } from "./service-health.tsx";
import "./services.css";

const Search = z.object({
  q: z.string().default("").catch(""),
  /** What is broken is first. */
  sort: z.string().default("health").catch("health"),
});

/** A service with its traffic of the last 15 minutes. */
interface Entry {
  readonly service: Service;
  readonly rates: Rates;
  readonly events: number;
  readonly failed: number;
  readonly latency: Latency;
}

const NO_GROUPS: readonly TrafficGroup[] = [];

/** The most sites whose names a row shows. */
const MAX_SITES = 2;

const COLUMNS: readonly Column<Entry>[] = [
  {
    id: "name",
    label: "Service",
    cell: ({ service }) => (
      <div className="fl-service">
        <ServiceName name={service.name} />
        <div className="fl-subtle fl-figure">
          {(service.ports ?? [{ port: service.port }]).map(({ port }) => port).join(", ")}/{service.protocol}
        </div>
      </div>
    ),
    sort: ({ service }) => service.name,
  },
  {
    id: "health",
    label: "Health",
    cell: ({ service }) => <ServiceHealth service={service} />,
    sort: ({ service }) => HEALTH_ORDER.indexOf(healthOf(service)),
    noWrap: true,
  },
  { id: "sites", label: "Offered by", cell: ({ service }) => <Sites service={service} /> },
  {
    id: "balance",
    label: "Balance",
    cell: ({ service }) => balanceText(service),
    sort: ({ service }) => balanceText(service),
    noWrap: true,
  },
  {
    id: "requests",
    label: "Now",
    cell: ({ rates }) => <NowRates rates={rates} />,
    sort: ({ rates }) => rates.requests || rates.streams,
    isNumber: true,
    noWrap: true,
  },
  {
    id: "failed",
    label: "Failed",
    cell: ({ failed, events }) => <Failed failed={failed} events={events} />,
    sort: ({ failed }) => failed,
    isNumber: true,
    noWrap: true,
  },
  {
    id: "p99",
    label: "99 % within",
    cell: ({ latency }) => (latency.p99 === null ? "–" : latencyText(latency.p99)),
    sort: ({ latency }) => latency.p99 ?? 0,
    isNumber: true,
    noWrap: true,
  },
];

function Sites({ service: { sites } }: { service: Service }) {
  if (sites.length === 0) return <span className="fl-subtle">no site now</span>;
  const ill = sites.slice(MAX_SITES).filter((site) => !isWell(site)).length;
  return (
    <span className="fl-names">
      {sites.slice(0, MAX_SITES).map((site) => (
        <span key={site.name} className="fl-offer">
          <SiteName name={site.name} />
          {isWell(site) ? null : <span className="fl-failed">down</span>}
        </span>
      ))}
      {sites.length > MAX_SITES ? (
        <span className="fl-subtle">
          and {sites.length - MAX_SITES} more{ill > 0 ? `, ${ill} of them down` : ""}
        </span>
      ) : null}
    </span>
  );
}

export default function ServicesPage() {
  const status = useStatus();
  const { traffic } = useTraffic(QUERY);
  const [{ q, sort }, change] = useParameters(Search);
  const entries = useMemo(() => {
    const byService = Map.groupBy(traffic?.groups ?? NO_GROUPS, ({ service }) => service);
    return (status?.services ?? []).map((service): Entry => {
      const groups = byService.get(service.name) ?? NO_GROUPS;
      const requests = sumOf(groups, "requests");
      return {
        service,
        rates: traffic === null ? NO_RATES : ratesOf(traffic, groups),
        events: requests > 0 ? requests : sumOf(groups, "closed"),
        failed: sumOf(groups, "failed") + sumOf(groups, "requestsFailed"),
        latency: latencyOf(groups),
      };
    });
  }, [status, traffic]);
  const shown = useMemo(
    () =>
      searched(entries, q, ({ service }) => ({
        name: service.name,
        health: healthOf(service),
        site: service.sites.map(({ name }) => name),
        protocol: service.protocol,
      })),
    [entries, q],
  );
  return (
    <>
      <PageHeader title="Services" command={fairlead("service", "list")} />
      {status === null ? (
        <Waiting what="services" />
      ) : entries.length === 0 ? (
        <Nothing
          title="No service is offered yet"
          icon={ServicesIcon}
          command={fairlead("expose", "web=127.0.0.1:8080")}
        >
          Run this command at a site: clients at the other sites then reach what listens there as web. It
          appears here at once.
        </Nothing>
      ) : (
        <>
          <SearchBar
            label="Search services"
            value={q}
            onChange={(text) => change({ q: text })}
            hint="name, health:down, site:west, !protocol:tcp"
            shown={shown.length}
            all={entries.length}
          />
          <DataTable
            label="Services"
            entries={shown}
            columns={COLUMNS}
            keyOf={({ service }) => service.name}
            sort={sort}
            onSort={(order) => change({ sort: order })}
          />
          <p className="fl-subtle">
            {traffic === null ? (
              "Waiting for traffic."
            ) : (
              <>
                Now is the average of the last 20 s. Failures and latency are of the last 15 minutes. Counted{" "}
                <Age at={traffic.at} />.
              </>
            )}
          </p>
        </>
      )}
    </>
  );
}

const QUERY = { window: "15m" } as const;

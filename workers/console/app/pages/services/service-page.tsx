/** A service: where it is offered, whether it works, who calls it, and what passes. */
import { Link, useParams } from "@tanstack/react-router";
import { useMemo } from "react";
import * as z from "zod";
import type { Service } from "../../../../../protocol/api/services.ts";
import { OUTCOME_LABELS, type Traffic, WindowName } from "../../../../../protocol/api/traffic.ts";
import { Chart } from "../../charts/chart.tsx";
import { WindowChoice } from "../../charts/window-choice.tsx";
import { fairlead } from "../../format/command.ts";
import { byteRateText, counted, latencyText, rateText } from "../../format/quantity.ts";
import { useStatus, useTraffic } from "../../live/use-live.tsx";
import { Age } from "../../parts/age.tsx";
import { CommandHint } from "../../parts/command-hint.tsx";
import { FindingList } from "../../parts/finding-card.tsx";
import { Name, SiteName, useNetworkName } from "../../parts/name.tsx";
import { Nothing } from "../../parts/nothing.tsx";
import { PageHeader } from "../../parts/page-header.tsx";
import { Section } from "../../parts/section.tsx";
import { StateLabel } from "../../parts/state-label.tsx";
import { useParameters } from "../../parts/url-parameters.ts";
import { useFindings } from "../../parts/use-findings.ts";
import { Waiting } from "../../parts/waiting.tsx";
import { latencyOverTime, openOf, ratesOf, ratesOverTime } from "../../traffic/rates.ts";
import { NowRates } from "./now-rates.tsx";
import { balanceText, ServiceHealth } from "./service-health.tsx";
import { Callers, Methods, Targets } from "./service-traffic.tsx";
import "./services.css";

const Search = z.object({ window: WindowName.default("15m").catch("15m") });

export default function ServicePage() {
  const name = useParams({ strict: false }).service ?? "";
  const status = useStatus();
  const [{ window }, change] = useParameters(Search);
  const query = useMemo(
    () => ({ window, service: name, by: `process,target,method,${OUTCOME_LABELS}` }),
    [window, name],
  );
  const { traffic } = useTraffic(query);
  // The steps of longer windows are too long to say what fails now.
  const findings = useFindings(window === "15m" ? traffic : null);
  const service = status?.services.find((each) => each.name === name);
  if (status === null) return <Waiting what="the service" />;
  const own = (findings ?? []).filter(
    ({ subject }) => (subject.kind === "service" || subject.kind === "listener") && subject.name === name,
  );
  return (
    <>
      <PageHeader
        title={name}
        isName
        badge={<ServiceHealth service={service ?? { sites: [] }} />}
        command={fairlead("flows", `service:${name}`)}
        actions={<Ways service={name} />}
      >
        {service === undefined ? null : (
          <>
            {(service.ports ?? [{ port: service.port }]).map(({ port }) => port).join(", ")}/
            {service.protocol}
          </>
        )}
      </PageHeader>
      {own.length === 0 ? null : (
        <Section title="What to do">
          <FindingList findings={own} />
        </Section>
      )}
      {service === undefined ? (
        <Nothing
          title="No site offers this service now"
          command={fairlead("expose", `${name}=127.0.0.1:8080`)}
        >
          Run this command at the site where it listens. Traffic from before is below.
        </Nothing>
      ) : (
        <div className="fl-columns">
          <Offers service={service} traffic={traffic} />
          <Balance service={service} />
        </div>
      )}
      <Section
        title="Traffic"
        aside={<WindowChoice value={window} onChange={(to) => change({ window: to })} />}
      >
        <Charts traffic={traffic} />
      </Section>
      {traffic === null ? null : (
        <div className="fl-columns">
          <Callers traffic={traffic} />
          <Targets traffic={traffic} />
          <Methods traffic={traffic} />
        </div>
      )}
    </>
  );
}

/** The ways to other pages about the service. */
function Ways({ service }: { service: string }) {
  const network = useNetworkName();
  return (
    <nav className="fl-ways" aria-label="About this service">
      <Link to="/networks/$network/check" params={{ network }} search={{ service }}>
        Check who reaches it
      </Link>
      <Link to="/networks/$network/flows" params={{ network }} search={{ filter: `service:${service}` }}>
        Its flows
      </Link>
      <Link
        to="/networks/$network/topology"
        params={{ network }}
        search={{ view: "services", show: `service:${service}` }}
      >
        On the topology
      </Link>
    </nav>
  );
}

function Offers({ service, traffic }: { service: Service; traffic: Traffic | null }) {
  return (
    <Section title="Where it is offered">
      <div className="fl-figures__scroll">
        <table className="fl-figures">
          <thead>
            <tr>
              <th scope="col">Site</th>
              <th scope="col" className="fl-figures__text">
                Health
              </th>
              <th scope="col">Served now</th>
            </tr>
          </thead>
          <tbody>
            {service.sites.map((site) => {
              const groups = (traffic?.groups ?? []).filter(({ to }) => to?.name === site.name);
              const rates = traffic === null ? null : ratesOf(traffic, groups);
              const down = site.down ?? [];
              return (
                <tr key={site.name}>
                  <th scope="row">
                    <SiteName name={site.name} />
                  </th>
                  <td className="fl-figures__text">
                    {site.state === "down" ? (
                      <StateLabel tone="bad">site is down</StateLabel>
                    ) : down.length > 0 ? (
                      <StateLabel tone="bad">{`targets of ${down.join(", ")} are down`}</StateLabel>
                    ) : (
                      <StateLabel tone="good">up</StateLabel>
                    )}
                  </td>
                  <td>{rates === null ? "–" : <NowRates rates={rates} />}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <CommandHint command={fairlead("service", "list")} />
    </Section>
  );
}

const BALANCE_TEXTS = {
  cost: "Each new connection or request goes to the site with the lowest cost of links, and the fewest open ones.",
  priority: "All goes to the first site in the order that can be reached.",
  weighted: "New connections and requests are spread over the sites in proportion to their weights.",
} as const;

function Balance({ service }: { service: Service }) {
  const mode = service.balance?.mode ?? "cost";
  const names = service.sites.map(({ name }) => name);
  const command =
    names.length > 1
      ? fairlead(
          "service",
          "balance",
          service.name,
          "--mode",
          "priority",
          "--order",
          names.slice(0, 3).join(","),
        )
      : fairlead("service", "balance", service.name);
  return (
    <Section title="Balance">
      <p>
        <strong>{balanceText(service)}.</strong> {BALANCE_TEXTS[mode]}{" "}
        {service.balance?.isSet === true
          ? "An operator set this."
          : "The sites that offer the service decide this."}
      </p>
      {mode === "cost" ? null : (
        <ul className="fl-plain-list">
          {service.sites.map(({ name, weight, rank }) => (
            <li key={name}>
              <Name>{name}</Name>{" "}
              <span className="fl-subtle fl-figure">
                {mode === "weighted"
                  ? `weight ${weight ?? 100}`
                  : rank === undefined
                    ? "last"
                    : `rank ${rank}`}
              </span>
            </li>
          ))}
        </ul>
      )}
      <CommandHint command={command} />
    </Section>
  );
}

function Charts({ traffic }: { traffic: Traffic | null }) {
  const charts = useMemo(() => {
    if (traffic === null) return null;
    const { groups, stepSeconds } = traffic;
    const hasRequests = groups.some(({ totals }) => totals.requests > 0);
    return {
      stepSeconds,
      hasRequests,
      events: ratesOverTime(traffic, groups, [hasRequests ? "requests" : "opened"]),
      failed: ratesOverTime(traffic, groups, hasRequests ? ["requestsFailed", "failed"] : ["failed"]),
      toClient: ratesOverTime(traffic, groups, ["bytesToClient"]),
      toTarget: ratesOverTime(traffic, groups, ["bytesToTarget"]),
      p50: latencyOverTime(traffic, groups, 0.5),
      p99: latencyOverTime(traffic, groups, 0.99),
      open: openOf(groups),
    };
  }, [traffic]);
  if (traffic === null || charts === null) return <Waiting what="traffic" />;
  if (traffic.groups.length === 0)
    return (
      <p className="fl-subtle">
        Nothing passed in this time. Who calls this service appears here within seconds.
      </p>
    );
  const { stepSeconds, hasRequests } = charts;
  return (
    <>
      <div className="fl-charts">
        <Chart
          title={hasRequests ? "Requests" : "Connections"}
          stepSeconds={stepSeconds}
          format={rateText}
          series={[
            { name: hasRequests ? "Requests" : "Connections", tone: "first", ...charts.events },
            { name: "Failed", tone: "bad", ...charts.failed },
          ]}
        />
        <Chart
          title="Bytes"
          stepSeconds={stepSeconds}
          format={byteRateText}
          series={[
            { name: "To clients", tone: "first", ...charts.toClient },
            { name: "To targets", tone: "second", ...charts.toTarget },
          ]}
        />
        <Chart
          title={hasRequests ? "Latency of requests" : "Time to the first byte"}
          stepSeconds={stepSeconds}
          format={latencyText}
          series={[
            { name: "Half within", tone: "first", ...charts.p50 },
            { name: "99 % within", tone: "second", ...charts.p99 },
          ]}
        />
      </div>
      <p className="fl-subtle">
        {counted(charts.open, "connection")} open now. Counted <Age at={traffic.at} /> by{" "}
        {counted(traffic.reporters.length, "site")}.
      </p>
    </>
  );
}

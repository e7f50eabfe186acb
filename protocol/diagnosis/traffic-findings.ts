/** What the traffic of a network shows, beyond what its registry knows: services that fail, and paths that are gone. Pure. */
import type { NetworkStatus } from "../api/status.ts";
import type { Traffic, TrafficGroup } from "../api/traffic.ts";
import { siteMatches } from "../names.ts";
import { type Finding, makeFinding } from "./finding.ts";
import { checkPath } from "./path-check.ts";
import { reachOf } from "./reach.ts";
import { failureRemedy, outcomesText, type RecentOutcomes, recentOutcomes } from "./recent-outcomes.ts";
import { listOf, sitesOf } from "./words.ts";

/** What clients that no site has come by. */
const DOOR = "the public door";

/** Failures that a finding has at least: a single client that leaves early is none. */
const FAILURES = 3;

/** @param known the findings from the status, which explain failures */
export function trafficFindings(
  traffic: Traffic,
  status: NetworkStatus,
  known: readonly Finding[],
): Finding[] {
  const about = (kind: Finding["subject"]["kind"]) =>
    new Set(
      known.flatMap(({ severity, subject }) =>
        severity !== "notice" && subject.kind === kind ? [subject.name] : [],
      ),
    );
  const [services, sites] = [about("service"), about("site")];
  const groups = traffic.groups.filter(({ service }) => !services.has(service));
  return [
    ...failingFindings({ ...traffic, groups }, status, sites),
    ...lostPathFindings({ ...traffic, groups }, status, sites),
  ];
}

/** Services whose newest connections or requests fail. @param troubled names of sites with findings */
function failingFindings(
  traffic: Traffic,
  { sites, services }: NetworkStatus,
  troubled: ReadonlySet<string>,
): Finding[] {
  const isKnown = (name: string) => sites.some((site) => site.name === name);
  return services.flatMap((service) => {
    const { name } = service;
    if (service.sites.every((site) => troubled.has(site.name))) return [];
    const own = traffic.groups.filter(
      ({ service: each, from, to }) =>
        each === name && !troubled.has(from?.name ?? "") && !troubled.has(to?.name ?? ""),
    );
    const clients = [...Map.groupBy(own, ({ from }) => from?.name ?? DOOR)].sort();
    const failing = clients
      .map(([client, groups]) => ({ client, groups, outcomes: recentOutcomes(traffic, groups) }))
      .filter(({ outcomes }) => outcomes.isFailing && failuresOf(outcomes) >= FAILURES);
    const [first, ...others] = failing;
    if (first === undefined) return [];
    const groups = failing.flatMap((each) => each.groups);
    const all = recentOutcomes(traffic, groups);
    const outcomes = all.isFailing ? all : first.outcomes;
    const what = outcomes.requestsFailed > 0 ? "Requests" : "Connections";
    const isEverywhere = failing.length === clients.length && others.length > 0;
    const which = isEverywhere ? "" : ` from ${listOf(failing.map(({ client }) => client))}`;
    const from = others.length === 0 && isKnown(first.client) ? first.client : undefined;
    return [
      makeFinding("broken", "service.failing", {
        subject: { kind: "service", name },
        since: outcomes.since,
        title: `${what}${which} to service ${name} fail.`,
        detail: outcomesText(outcomes),
        ...failureRemedy(outcomes, name, from),
      }),
    ];
  });
}

const failuresOf = ({ failed, requestsFailed }: RecentOutcomes) => Math.max(failed, requestsFailed);

/** Paths with traffic in the window that the network has no longer: nobody offers the service, or not to the site. */
function lostPathFindings(traffic: Traffic, status: NetworkStatus, troubled: ReadonlySet<string>): Finding[] {
  const groupOf = reachOf(status.links);
  const up = new Map(status.sites.flatMap((site) => (site.state === "up" ? [[site.name, site]] : [])));
  const used = Map.groupBy(
    traffic.groups.filter(({ from, points }) => {
      const site = up.get(from?.name ?? "");
      return site !== undefined && !troubled.has(site.name) && points.some((point) => point !== null);
    }),
    ({ service }) => service,
  );
  return [...used].flatMap(([name, groups]) => {
    const offers = status.services.find((service) => service.name === name)?.sites;
    const clients = Map.groupBy(groups, ({ from }) => from?.name ?? "");
    const lost = [...clients].filter(([client]) => {
      const site = up.get(client);
      return (
        site !== undefined &&
        offers?.some(
          (offer) =>
            offer.name === client || (siteMatches(site, offer.to) && groupOf(offer.name) === groupOf(client)),
        ) !== true
      );
    });
    const [first] = lost;
    if (first === undefined) return [];
    const [client, ofClient] = first;
    const { cause } = checkPath(status, client, name);
    if (cause === null || cause.code === undefined) return [];
    const names = lost.map(([each]) => each).sort();
    const { command, at, action = "", detail } = cause;
    return [
      makeFinding("degraded", cause.code, {
        subject: { kind: "service", name },
        since: lastTraffic(traffic, ofClient),
        title: `${sitesOf(names)} no longer ${names.length === 1 ? "reaches" : "reach"} service ${name}.`,
        ...{ detail: `${detail} Clients there used it in the last 15 minutes.`, action },
        ...(command === undefined ? {} : { command }),
        ...(at === undefined ? {} : { at }),
      }),
    ];
  });
}

/** The end of the last step with traffic, as ISO 8601. */
function lastTraffic({ from, at, stepSeconds }: Traffic, groups: readonly TrafficGroup[]): string {
  const last = Math.max(0, ...groups.map(({ points }) => points.findLastIndex((point) => point !== null)));
  return new Date(Math.min(Date.parse(at), Date.parse(from) + (last + 1) * stepSeconds * 1000)).toISOString();
}

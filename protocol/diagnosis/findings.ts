/**
 * The findings of a network: what is broken in its status, since when, why, and what to do. Pure. Consoles and commands
 * show the same.
 */
import type { Link } from "../api/links.ts";
import type { SilentSite } from "../api/live.ts";
import type { Service } from "../api/services.ts";
import type { Site } from "../api/sites.ts";
import type { NetworkStatus } from "../api/status.ts";
import type { Traffic } from "../api/traffic.ts";
import { siteMatches } from "../names.ts";
import { isOlder, newestOf } from "../version-order.ts";
import { compareFindings, explain, type Finding, LOST_SITE_ACTION, makeFinding } from "./finding.ts";
import { pathsFrom } from "./link-path.ts";
import { isolatedSites } from "./reach.ts";
import { trafficFindings } from "./traffic-findings.ts";
import { countOf, listOf, portsOf, sitesOf } from "./words.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * A certificate that ends sooner was not renewed, ms. Certificates of sites live for a day, and connectors renew them
 * at half of it.
 */
const CERTIFICATE_WARNING_MS = 6 * HOUR_MS;

/** For how long a site can renew an expired certificate, and how long before the end of that time to say so, ms. */
const LATE_RENEWAL_MS = 30 * DAY_MS;
const LATE_WARNING_MS = 3 * DAY_MS;

/** The codes of a link that is down because the site at one of its ends is. */
const ABSENT_END = new Set(["uplink.lost", "session.peer_offline", "site.stopped", "site.revoked"]);

/** What findings depend on besides the status. */
export interface FindingOptions {
  /** The time, ms since 1970. */
  readonly now: number;
  /** Connectors that the edge has not heard for too long. */
  readonly silent?: readonly SilentSite[];
  /** The traffic of the network in a recent window, by {@link OUTCOME_LABELS}. */
  readonly traffic?: Traffic | undefined;
}

/** What every check reads. */
interface Facts {
  readonly status: NetworkStatus;
  readonly now: number;
  readonly silent: readonly SilentSite[];
  /** Sites by name. */
  readonly sites: ReadonlyMap<string, Site>;
}

/** The findings of a network, worst first. What follows from another finding is in that finding's detail. */
export function findings(status: NetworkStatus, options: FindingOptions): Finding[] {
  const { now, silent = [], traffic } = options;
  const sites = new Map(status.sites.map((site) => [site.name, site]));
  const facts: Facts = { status, now, silent, sites };
  const known = [
    ...edgeFindings(status),
    ...status.sites.flatMap((site) => siteFindings(site, facts)),
    ...unlinkedFindings(facts),
    ...versionFindings(facts),
    ...status.links.flatMap((link) => linkFindings(link)),
    ...status.services.flatMap((service) => serviceFindings(service, facts)),
    ...status.sites.flatMap((site) => [
      ...refusalFindings(site, facts),
      ...listenerFindings(site),
      ...certificateFindings(site, facts),
    ]),
  ];
  const seen = traffic === undefined ? [] : trafficFindings(traffic, status, known);
  return [...known, ...seen].sort(compareFindings);
}

function edgeFindings({ edge }: NetworkStatus): Finding[] {
  if (edge?.lanes !== "withdrawn") return [];
  return [
    makeFinding("degraded", "edge.crowded", {
      subject: { kind: "edge", name: "edge" },
      since: null,
      title: "Unauthenticated clients crowd the edge.",
    }),
  ];
}

function siteFindings(site: Site, { status, silent, now }: Facts): Finding[] {
  const { id, name, state, since } = site;
  const subject = { kind: "site", name, id } as const;
  if (state === "new") {
    return [
      makeFinding("notice", "site.not_joined", {
        subject,
        since: site.createdAt,
        title: `Site ${name} has not joined yet.`,
        command: `fairlead site create ${name} -o ${name}.yaml`,
      }),
    ];
  }
  const command = `fairlead site status ${name}`;
  if (state === "down") {
    const consequences = consequencesOf(site, status);
    if (site.stopped === true) {
      const detail = [explain("site.stopped").meaning, ...consequences].join(" ");
      return [
        makeFinding("notice", "site.stopped", {
          ...{ subject, since, detail, command },
          title: `Site ${name} is stopped.`,
        }),
      ];
    }
    const lost =
      "The edge lost the connection to the last connector of the site, which had not said that it stops.";
    return [
      makeFinding("broken", "uplink.lost", {
        ...{ subject, since, command: "fairlead doctor", at: name },
        title: `Site ${name} is down.`,
        detail: [lost, ...consequences].join(" "),
        action: LOST_SITE_ACTION,
      }),
    ];
  }
  if (state === "revoked" && now < Date.parse(since) + DAY_MS) {
    return [
      makeFinding("notice", "site.revoked", {
        ...{ subject, since, command: "fairlead events --type site" },
        title: `Site ${name} was revoked.`,
        detail: "The site is no longer a member, and reaches no service.",
      }),
    ];
  }
  if (state !== "up") return [];
  const mute = silent.filter((each) => each.site === id || each.site === name);
  const boots = new Set(mute.map(({ boot }) => boot));
  const hit = site.instances.filter(({ boot }) => boots.has(boot));
  if (hit.length === 0) return [];
  const heardAt = mute.map((each) => each.heardAt).sort()[0] ?? since;
  const all = hit.length === site.instances.length;
  return [
    makeFinding("degraded", "site.silent", {
      ...{ subject, since: heardAt, command: "fairlead doctor", at: name },
      title: all
        ? `Site ${name} is silent.`
        : `${hit.length} of ${site.instances.length} connectors of site ${name} are silent.`,
    }),
  ];
}

/** What the absence of a site means for others, in sentences. */
function consequencesOf({ name }: Site, { links, services }: NetworkStatus): string[] {
  const down = links.filter(
    ({ joiner, issuer, code = "" }) => (joiner === name || issuer === name) && ABSENT_END.has(code),
  );
  const lost = services.filter(
    ({ sites }) => sites.some((site) => site.name === name) && sites.every(({ state }) => state !== "up"),
  );
  const fewer = services.filter(
    (service) => !lost.includes(service) && service.sites.some((site) => site.name === name),
  );
  return [
    ...(down.length === 0
      ? []
      : [`${countOf(down.length, "link")} of it ${down.length === 1 ? "is" : "are"} down.`]),
    ...(lost.length === 0 ? [] : [`No other site offers ${listOf(lost.map((each) => each.name))}.`]),
    ...(fewer.length === 0 ? [] : [`Other sites still offer ${listOf(fewer.map((each) => each.name))}.`]),
  ];
}

/** Members that no link connects with another member. */
function unlinkedFindings({ status, sites }: Facts): Finding[] {
  return isolatedSites(status).map((name) => {
    const site = sites.get(name);
    return makeFinding("degraded", "site.unlinked", {
      subject: { kind: "site", name, ...(site === undefined ? {} : { id: site.id }) },
      since: null,
      title: `No link connects site ${name} with another site.`,
      detail: "The site reaches no service of other sites, and its own services are reached by none.",
      command: "fairlead token create -o token.yaml",
    });
  });
}

/** One finding for all sites whose connectors are older than the newest. */
function versionFindings({ status }: Facts): Finding[] {
  const versionOf = (software: string) => software.replace(/^[^0-9]*/, "");
  const running = status.sites.flatMap(({ id, name, instances }) =>
    instances.map(({ software }) => ({ id, name, version: versionOf(software) })),
  );
  const newest = newestOf(running.map(({ version }) => version));
  const older = running.filter(({ version }) => isOlder(version, newest));
  const [first] = older;
  if (first === undefined) return [];
  const names = [...new Set(older.map(({ name }) => name))];
  const versions = [...new Set(older.map(({ version }) => version))];
  return [
    makeFinding("notice", "site.outdated", {
      subject: { kind: "site", name: first.name, id: first.id },
      since: null,
      title: `${names.length === 1 ? `Site ${first.name} runs` : `${names.length} sites run`} an older version.`,
      detail: `Version ${listOf(versions)} runs at ${listOf(names)}; other sites have ${newest}.`,
      command: "fairlead version",
    }),
  ];
}

/** A link that is down although both of its ends are up. The findings of sites have the other ones. */
function linkFindings({ id, name, joiner, issuer, state, code = "uplink.lost", since }: Link): Finding[] {
  if (state === "up" || ABSENT_END.has(code)) return [];
  const revoked = code === "link.revoked";
  const issuerOption = issuer === "network" ? "" : ` --issuer ${issuer}`;
  return [
    makeFinding(revoked ? "notice" : "broken", code, {
      subject: { kind: "link", name, id },
      since,
      title: revoked
        ? `Link ${name} from ${joiner} to ${issuer} was revoked.`
        : `Link ${name} from ${joiner} to ${issuer} is down.`,
      ...(revoked
        ? { command: `fairlead token create${issuerOption} -o token.yaml` }
        : { command: "fairlead link status", at: joiner }),
    }),
  ];
}

function serviceFindings(service: Service, facts: Facts): Finding[] {
  const { name, sites } = service;
  const subject = { kind: "service", name } as const;
  const up = sites.filter(({ state }) => state === "up");
  if (up.length === 0) {
    const away = sites.map((site) => facts.sites.get(site.name)?.since ?? null);
    const stopped = sites.filter((site) => facts.sites.get(site.name)?.stopped === true);
    const [first] = sites;
    return [
      makeFinding("broken", "service.unavailable", {
        subject,
        // The service ended with the last of its sites.
        since: away.reduce(
          (last, each) => (each !== null && (last === null || each > last) ? each : last),
          null,
        ),
        title: `No site that offers ${name} is up.`,
        detail: `${sitesOf(sites.map((each) => each.name))} ${sites.length === 1 ? "is" : "are"} down${stopped.length === sites.length ? " on purpose" : ""}.`,
        ...(first === undefined ? {} : { command: `fairlead site status ${first.name}` }),
      }),
    ];
  }
  const ports = (service.ports ?? [service]).map(({ port }) => port);
  const healthy = (port: number) =>
    up.some((site) => site.ports?.includes(port) !== false && site.down?.includes(port) !== true);
  const dead = ports.filter((port) => !healthy(port));
  const ill = up.filter(({ down = [] }) => down.length > 0);
  const [worst] = ill;
  if (worst === undefined) return unreachedFindings(service, up, facts);
  const which = ports.length === 1 || dead.length === ports.length ? "" : ` at ${portsOf(dead)}`;
  const reasons = ill.map((site) => {
    const why = explain(site.downCode ?? "service.unhealthy").meaning;
    const at = ports.length === 1 ? "" : ` (${portsOf(site.down ?? [])})`;
    return `At site ${site.name}${at}: ${why}`;
  });
  const since = ill.map(({ downSince }) => downSince ?? null).sort()[0] ?? null;
  const code = worst.downCode ?? "service.unhealthy";
  return [
    makeFinding(
      dead.length > 0 ? "broken" : "degraded",
      dead.length > 0 && ill.length > 1 ? "service.unhealthy" : code,
      {
        ...{ subject, since, command: "fairlead service status", at: worst.name },
        title:
          dead.length > 0
            ? `No target of ${name}${which} is up.`
            : `Targets of ${name} are down at ${ill.length === 1 ? `site ${worst.name}` : countOf(ill.length, "site")}.`,
        detail: reasons.join(" "),
        action: explain(code).action,
      },
    ),
  ];
}

/** A service that no other site may use: it is exported to sites that do not exist or that no link leads to. */
function unreachedFindings({ name }: Service, up: Service["sites"], { status, sites }: Facts): Finding[] {
  if (up.every(({ to }) => to === undefined)) return [];
  const members = status.sites.filter(({ state }) => state === "up" || state === "down");
  const isUsed = up.some((offer) => {
    const reached = pathsFrom(offer.name, status.links);
    return members.some(
      (site) => site.name !== offer.name && siteMatches(site, offer.to) && reached.has(site.name),
    );
  });
  if (isUsed) return [];
  const [offer] = up;
  if (offer === undefined) return [];
  const known = offer.to?.filter((each) => sites.has(each) || members.some(({ id }) => id === each)) ?? [];
  return [
    makeFinding("degraded", "service.not_exported", {
      subject: { kind: "service", name },
      since: null,
      title: `No site can use service ${name}.`,
      detail:
        known.length === 0
          ? `Site ${offer.name} exports it to ${listOf(offer.to ?? []) || "no site"}, and the network has no such site.`
          : `Site ${offer.name} exports it to ${listOf(known)}, and no link connects them.`,
      action: `Export the service to sites of the network, or to all, at site ${offer.name}: see --to in \`fairlead help expose\`.`,
      ...{ command: "fairlead service status", at: offer.name },
    }),
  ];
}

/** Offers that the network refuses. */
function refusalFindings({ id, name, state, refused = [], mayOffer }: Site, { status }: Facts): Finding[] {
  if (state !== "up") return [];
  return refused.map(({ name: service, code, message }) => {
    const others = status.services.find((each) => each.name === service);
    return makeFinding(others === undefined ? "broken" : "degraded", code, {
      subject: { kind: "service", name: service, id },
      since: null,
      title: `The network refuses the offer of ${service} by site ${name}.`,
      detail: message,
      ...refusalCommand(code, { site: name, service, mayOffer, status }),
    });
  });
}

/** The command that removes the reason of a refusal. */
function refusalCommand(
  code: string,
  {
    site,
    service,
    mayOffer,
    status,
  }: { site: string; service: string; mayOffer: readonly string[] | null; status: NetworkStatus },
): { command?: string } {
  switch (code) {
    case "service.forbidden": {
      const patterns = [...(mayOffer ?? []), service].map((each) => `--may-offer ${quoted(each)}`);
      return { command: `fairlead site update ${site} ${patterns.join(" ")}` };
    }
    case "quota.services":
      return {
        command: `fairlead network quota ${status.network.name} --services ${Math.max(1, status.services.length) * 2}`,
      };
    case "service.port_conflict":
      return { command: "fairlead service list" };
    default:
      return {};
  }
}

/** A word of a shell. */
const quoted = (word: string): string => (/^[\w./:-]+$/.test(word) ? word : `'${word}'`);

function listenerFindings({ id, name, state, listeners }: Site): Finding[] {
  if (state !== "up") return [];
  return listeners
    .filter((listener) => listener.state === "failed")
    .map(({ service, address, code = "listener.missing", message, since }) =>
      makeFinding("broken", code, {
        subject: { kind: "listener", name: service, id },
        since: since ?? null,
        title: `Site ${name} cannot listen for ${service} at ${address}.`,
        detail: [explain(code).meaning, message].filter(Boolean).join(" "),
        ...{ command: "fairlead service status", at: name },
      }),
    );
}

function certificateFindings({ id, name, state, certificateExpiresAt }: Site, { now }: Facts): Finding[] {
  if (certificateExpiresAt === null || state === "new" || state === "revoked") return [];
  const ends = Date.parse(certificateExpiresAt);
  const subject = { kind: "certificate", name, id } as const;
  const command = { command: "fairlead status", at: name };
  if (state === "down") {
    const last = ends + LATE_RENEWAL_MS;
    if (now < last - LATE_WARNING_MS) return [];
    const over = now >= last;
    return [
      makeFinding(over ? "broken" : "degraded", "certificate.too_old", {
        ...{ subject, since: over ? new Date(last).toISOString() : null },
        title: over
          ? `Site ${name} must join again.`
          : `Site ${name} must join again unless it returns by ${new Date(last).toISOString().slice(0, 10)}.`,
        detail: "A site can renew its certificate for 30 days after it expired.",
        command: `fairlead token create -o ${name}.yaml`,
      }),
    ];
  }
  if (now >= ends) {
    return [
      makeFinding("broken", "certificate.expired", {
        ...{ subject, since: certificateExpiresAt, ...command },
        title: `The certificate of site ${name} has expired.`,
      }),
    ];
  }
  if (now < ends - CERTIFICATE_WARNING_MS) return [];
  return [
    makeFinding("degraded", "certificate.ends_soon", {
      ...{ subject, since: null, ...command },
      title: `The certificate of site ${name} ends soon.`,
    }),
  ];
}

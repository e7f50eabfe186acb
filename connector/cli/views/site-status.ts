/** The status of a site from its connector, for people. */
import type { DescriptorLine, Status } from "../../control/schema.ts";
import { isSkewed } from "../../uplink/clock-skew.ts";
import { formatDuration, relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";
import { count } from "./count.ts";
import { kubernetesDetails } from "./kubernetes.ts";
import { printLinks } from "./links.ts";
import { milliseconds } from "./milliseconds.ts";
import { printSiteServices } from "./services.ts";

/** Describes a site in the sentences of Skupper's `status`. */
export function siteSentence(status: Status): string {
  const { site, network, uplink } = status;
  const joined = `Site "${site.name}" is joined to network "${network.name}".`;
  if (uplink.state !== "up") return `${joined} It is not connected to the edge.`;
  return `${joined}${othersSentence(status)} ${servicesSentence(status)}`;
}

function othersSentence({ otherSites }: Status): string {
  if (otherSites === null) return "";
  if (otherSites === 0) return " It is not connected to any other site.";
  return ` It is connected to ${count(otherSites, "other site")}.`;
}

/** Services of other sites and of this one, each once. */
function servicesSentence({ services, offers }: Status): string {
  const own = new Set(offers.filter(({ refused }) => refused === undefined).map(({ name }) => name));
  const all = new Set([...own, ...services.map(({ name }) => name)]);
  if (all.size === 0) return "It sees no services.";
  const seen = `It sees ${count(all.size, "service")}`;
  if (own.size === 0) return `${seen}.`;
  if (own.size < all.size) return `${seen}, ${own.size} of them its own.`;
  return `${seen}, ${all.size === 1 ? "" : "all "}its own.`;
}

/** Prints a site: its sentences, its details, its links and its services. */
export function printSiteStatus(out: Printer, status: Status, now: number): void {
  const { uplink } = status;
  out.line(siteSentence(status));
  const reason = [uplink.message, uplink.code === undefined ? undefined : `(${uplink.code})`];
  out.details([
    ["edge", status.edge],
    ["uplink", `${out.state(uplink.state)}, since ${relativeTime(uplink.since, now)}`],
    ["why", reason.filter((part) => part !== undefined).join(" ")],
    ["do", uplink.action],
    ["tried again", uplink.retryAt && relativeTime(uplink.retryAt, now)],
    ["round trip", uplink.rtt === null || uplink.rtt === undefined ? undefined : milliseconds(uplink.rtt)],
    ["certificate ends", certificate(status, now)],
    ["clock", clock(status.clockSkewMs ?? null)],
    ["sessions", sessions(status)],
    ["descriptors", descriptors(status.descriptors ?? null)],
    ["do", status.descriptors?.action],
    ["DNS", dns(status)],
    ["zones offered", status.dns?.offered?.map(zoneOffered).join("; ")],
    ["zones accepted", status.dns?.accepted?.map(zoneAccepted).join("; ")],
    ["do", status.dns?.servers.find(({ action }) => action !== undefined)?.action],
    ...kubernetesDetails(out, status.kubernetes, now),
    ["configuration", configuration(status, now)],
    ["software", status.software],
  ]);
  out.line();
  printLinks(out, status, now);
  out.line();
  printSiteServices(out, status, now);
}

/** When the certificate ends, and why it was not renewed yet. */
function certificate({ certificateExpiresAt, renewal }: Status, now: number): string {
  const ends = relativeTime(certificateExpiresAt, now);
  if (renewal === undefined) return ends;
  return `${ends}; it could not be renewed yet: ${renewal.message ?? ""} (${renewal.code})`;
}

/** The error of the machine's clock; undefined if the clock is right. */
function clock(skewMs: number | null): string | undefined {
  if (!isSkewed(skewMs)) return undefined;
  const by = formatDuration(Math.abs(skewMs) / 1000);
  return `${by} ${skewMs > 0 ? "behind" : "ahead of"} the edge's; correct it, certificates depend on it`;
}

/** The names that the connector answers for, and its DNS servers; undefined without servers. */
function dns({ dns }: Status): string | undefined {
  if (dns === undefined || dns.servers.length === 0) return undefined;
  const servers = dns.servers.map(({ address, state, code }) => {
    if (state === "listening") return address;
    return `${address} (${code ?? state})`;
  });
  return `SERVICE.${dns.domain} at ${servers.join(", ")}`;
}

type Zones = NonNullable<Status["dns"]>;

const zoneOffered = ({ domain, servers, to }: NonNullable<Zones["offered"]>[number]): string =>
  `${domain} by ${servers.join(", ")}${to === undefined ? "" : ` to ${to.join(", ")}`}`;

const zoneAccepted = ({ domain, sites }: NonNullable<Zones["accepted"]>[number]): string =>
  sites.length === 0 ? `${domain}, which no site offers` : `${domain} at ${sites.join(", ")}`;

/** The configuration file, and why its present text is not loaded; undefined without a file. */
function configuration({ config }: Status, now: number): string | undefined {
  if (config === undefined) return undefined;
  const { file, loadedAt, error, restartNeeded } = config;
  const loaded = `${file}, loaded ${relativeTime(loadedAt, now)}`;
  if (error !== undefined) return `${loaded}; rejected since: ${error.message ?? ""} (${error.code})`;
  return restartNeeded.length === 0
    ? loaded
    : `${loaded}; a restart is needed for ${restartNeeded.join(", ")}`;
}

/** The share of the limit from which the use of descriptors is shown. */
const MANY_DESCRIPTORS = 0.75;

/** The use of descriptors; undefined while it is far from the limit and no connection was refused. */
function descriptors(line: DescriptorLine | null): string | undefined {
  if (line === null) return undefined;
  const { used, limit, refused, code } = line;
  if (refused === 0 && used < limit * MANY_DESCRIPTORS) return undefined;
  const now = code === undefined ? "" : `; new clients are reset (${code})`;
  return `${used} of ${limit} in use, ${refused} connections refused so far${now}`;
}

function sessions({ sessions: all }: Status): string {
  const streams = all.reduce((sum, session) => sum + session.streams, 0);
  const hop = all.filter(({ encryption }) => encryption === "hop").length;
  return all.length === 0
    ? "none; one opens with the first connection"
    : `${all.length}, ${count(streams, "stream")}${hop === 0 ? "" : `; ${hop} with hop encryption`}`;
}

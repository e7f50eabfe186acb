/** What a site's connector tells, as people read it. */
import { ERRORS, isErrorCode } from "../../protocol/errors.ts";
import type { DescriptorLine, LinkLine, Links, Services, Status } from "../control/schema.ts";
import { isSkewed } from "../uplink/clock-skew.ts";
import { formatDuration, relativeTime } from "./duration.ts";
import type { Printer } from "./output.ts";

/** `1 site`, `2 sites`. */
export const count = (number: number, thing: string) => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** The links that this site made and those that others made to it, a sentence each. */
export function printLinks(out: Printer, { links, incoming, moreIncoming }: Links, now: number): void {
  if (links.length + incoming.length === 0) {
    out.line("There are no links configured or connected.");
    return;
  }
  out.line("Links created from this site:");
  if (links.length === 0) out.line("  none");
  for (const link of links) {
    out.line(`  Link ${link.name} to ${link.issuer} is ${standing(out, link, now)}`);
    printAction(out, link);
  }
  if (incoming.length === 0) return;
  out.line("Links from other sites:");
  for (const link of incoming) {
    const who = link.state === "up" ? `A link from site ${link.joiner}` : `The link from site ${link.joiner}`;
    const to = link.state === "up" ? " to this site" : "";
    out.line(`  ${who} (${link.name}) is ${standing(out, link, now, to)}`);
    printAction(out, link);
  }
  if (moreIncoming !== undefined) {
    out.line(`  and ${moreIncoming} more: \`fairlead status\` where you are logged in shows all of them`);
  }
}

/** `connected (cost 2, since 3m ago, round trip 12 ms)`. */
function standing(out: Printer, link: Omit<LinkLine, "issuer">, now: number, to = ""): string {
  const { state, code, cost, since, rtt } = link;
  const why = code === undefined ? "" : ` (${code})`;
  const word =
    state === "up" ? out.paint("green", `connected${to}`) : out.paint("red", `not connected${to}${why}`);
  const more = [
    ...(cost === undefined ? [] : [`cost ${cost}`]),
    ...(since === undefined ? [] : [`since ${relativeTime(since, now)}`]),
    ...(rtt === null ? [] : [`round trip ${milliseconds(rtt)}`]),
  ];
  return more.length === 0 ? word : `${word}, ${more.join(", ")}`;
}

function printAction(out: Printer, { state, code, action }: Omit<LinkLine, "issuer">): void {
  // A lost uplink is told of once, by whoever shows it.
  if (state === "up" || action === undefined || code === "uplink.lost") return;
  out.line(`    do: ${action}`);
}

/** `0.4 ms`, `12 ms`. */
const milliseconds = (ms: number) => `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;

/** What the site sees, and what it offers. */
export function printSiteServices(out: Printer, { services, offers }: Services): void {
  if (services.length === 0) {
    out.line(
      "This site sees no services of other sites. `fairlead expose NAME=PORT` at one of them offers one.",
    );
  } else {
    out.table(
      ["SERVICE", "REACHED AT", "STATE", "PROTOCOL", "OFFERED BY", "WHY"],
      services.map(({ name, listener, protocol, sites, encryption, code }) => [
        name,
        listener?.address ?? "-",
        listener === null ? out.paint("dim", "starting") : out.state(listener.state),
        encryption === "hop" ? `${protocol}, hop` : protocol,
        sites.join(", "),
        code ?? listener?.message ?? listener?.code ?? "",
      ]),
    );
    for (const { name, listener } of services) {
      if (listener?.state !== "failed" || listener.code === undefined || !isErrorCode(listener.code))
        continue;
      out.line(`The listener for ${name} does not work: ${listener.code}`);
      out.line(`  do: ${ERRORS[listener.code].action}`);
    }
  }
  if (offers.length === 0) return;
  out.line();
  out.table(
    ["OFFERED HERE", "TARGET", "PROTOCOL", "TO", "WHY NOT"],
    offers.map(({ name, host, port, protocol, encryption, to, refused }) => [
      name,
      `${host.includes(":") ? `[${host}]` : host}:${port}`,
      encryption === "hop" ? `${protocol}, hop` : protocol,
      offers.some((offer) => offer.to !== undefined) ? (to?.join(", ") ?? "all sites") : "",
      refused === undefined ? "" : out.paint("red", refused.code),
    ]),
  );
  for (const { name, refused } of offers) {
    if (refused === undefined) continue;
    out.line(`The network does not take the offer of ${name}: ${refused.message ?? refused.code}`);
    if (refused.action !== undefined) out.line(`  do: ${refused.action}`);
  }
}

/** A site in one sentence, as Skupper says it. */
export function siteSentence(status: Status): string {
  const { site, network, uplink, otherSites } = status;
  const joined = `Site "${site.name}" is joined to network "${network.name}".`;
  if (uplink.state !== "up") return `${joined} It is not connected to the edge.`;
  const others = otherSites === null ? "" : ` It is connected to ${count(otherSites, "other site")}.`;
  return `${joined}${others} It sees ${count(status.services.length, "service")}.`;
}

/** A site in its sentence, with the details below. */
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
    ["software", status.software],
  ]);
  out.line();
  printLinks(out, status, now);
  out.line();
  printSiteServices(out, status);
}

/** When it ends, and why it is not renewed, if it is not. */
function certificate({ certificateExpiresAt, renewal }: Status, now: number): string {
  const ends = relativeTime(certificateExpiresAt, now);
  if (renewal === undefined) return ends;
  return `${ends}; it could not be renewed yet: ${renewal.message ?? ""} (${renewal.code})`;
}

/** What is wrong with the machine's clock; undefined when nothing is. */
function clock(skewMs: number | null): string | undefined {
  if (!isSkewed(skewMs)) return undefined;
  const by = formatDuration(Math.abs(skewMs) / 1000);
  return `${by} ${skewMs > 0 ? "behind" : "ahead of"} the edge's; correct it, certificates depend on it`;
}

/** From this share of their limit on, the use of descriptors is worth a line. */
const MANY_DESCRIPTORS = 0.75;

/** Whether the process runs out of descriptors, or did; undefined when it does not. */
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

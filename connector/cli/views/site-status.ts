/** What a site's connector tells, as people read it. */
import type { DescriptorLine, Status } from "../../control/schema.ts";
import { isSkewed } from "../../uplink/clock-skew.ts";
import { formatDuration, relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";
import { count } from "./count.ts";
import { printLinks } from "./links.ts";
import { milliseconds } from "./milliseconds.ts";
import { printSiteServices } from "./services.ts";

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
    ["configuration", configuration(status, now)],
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

/** The configuration file, and why it is not loaded as it is; undefined when there is none. */
function configuration({ config }: Status, now: number): string | undefined {
  if (config === undefined) return undefined;
  const { file, loadedAt, error, restartNeeded } = config;
  const loaded = `${file}, loaded ${relativeTime(loadedAt, now)}`;
  if (error !== undefined) return `${loaded}; rejected since: ${error.message ?? ""} (${error.code})`;
  return restartNeeded.length === 0
    ? loaded
    : `${loaded}; a restart is needed for ${restartNeeded.join(", ")}`;
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

/** What a site's connector tells, as people read it. */
import type { Services, Status } from "../control/schema.ts";
import { relativeTime } from "./duration.ts";
import type { Printer } from "./output.ts";

/** `1 site`, `2 sites`. */
export const count = (number: number, thing: string) => `${number} ${thing}${number === 1 ? "" : "s"}`;

type LinkLine = Status["links"][number];

/** One sentence for each link. */
export function printLinks(out: Printer, links: readonly LinkLine[]): void {
  if (links.length === 0) out.line("This site has no links.");
  for (const link of links) {
    const why = link.code === undefined ? "" : ` (${link.code})`;
    const up = link.state === "up";
    const word = up ? out.paint("green", "connected") : out.paint("red", `not connected${why}`);
    out.line(`Link ${link.name} to ${link.issuer} is ${word}`);
  }
}

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
  }
  if (offers.length === 0) return;
  out.line();
  out.table(
    ["OFFERED HERE", "TARGET", "PROTOCOL"],
    offers.map(({ name, host, port, protocol, encryption }) => [
      name,
      `${host.includes(":") ? `[${host}]` : host}:${port}`,
      encryption === "hop" ? `${protocol}, hop` : protocol,
    ]),
  );
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
    ["certificate ends", relativeTime(status.certificateExpiresAt, now)],
    ["sessions", sessions(status)],
    ["software", status.software],
  ]);
  out.line();
  printLinks(out, status.links);
  out.line();
  printSiteServices(out, status);
}

function sessions({ sessions: all }: Status): string {
  const streams = all.reduce((sum, session) => sum + session.streams, 0);
  const hop = all.filter(({ encryption }) => encryption === "hop").length;
  return all.length === 0
    ? "none; one opens with the first connection"
    : `${all.length}, ${count(streams, "stream")}${hop === 0 ? "" : `; ${hop} with hop encryption`}`;
}

/** Making the control socket's resources from the connector's parts. */
import type { LinkReport, ListenerReport, VisibleService } from "../../protocol/messages.ts";
import { HopRules, hopNotAllowed } from "../services/hop.ts";
import type { UplinkState } from "../uplink/state.ts";
import type { ServiceLine, UplinkLine } from "./schema.ts";

export function uplinkLine(state: UplinkState): UplinkLine {
  const line: UplinkLine = { state: state.state, since: iso(state.since) };
  const trouble = "trouble" in state ? state.trouble : undefined;
  if (trouble) Object.assign(line, trouble);
  if ("until" in state) line.retryAt = iso(state.until);
  return line;
}

export function serviceLines(
  services: readonly VisibleService[],
  reports: readonly ListenerReport[],
  hop = new HopRules(),
): ServiceLine[] {
  const byService = new Map(reports.map(({ service, ...listener }) => [service, listener]));
  return services
    .map(({ name, protocol, port, offers }) => ({
      name,
      protocol,
      port,
      sites: [...new Set(offers.map((offer) => offer.siteName))].sort(),
      listener: byService.get(name) ?? null,
      ...(offers.some(({ encryption }) => encryption === "hop") ? { encryption: "hop" as const } : {}),
      ...(hop.usable(name, offers).length === 0 ? { code: hopNotAllowed(name).code } : {}),
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** Without an uplink no link is up, whatever the registry said last. */
export function linkLines(links: readonly LinkReport[], uplink: UplinkState): LinkReport[] {
  if (uplink.state === "up") return [...links];
  return links.map(({ id, name, issuer }) => ({ id, name, issuer, state: "down", code: "uplink.lost" }));
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

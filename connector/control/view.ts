/** Making the control socket's resources from the connector's parts. */
import { ERRORS, type FairleadError, isErrorCode } from "../../protocol/errors.ts";
import type {
  IncomingLink,
  LinkReport,
  ListenerReport,
  RefusedOffer,
  VisibleService,
} from "../../protocol/uplink/messages.ts";
import type { ConfigState } from "../config/config-reload.ts";
import { HopPolicy, hopNotAllowed } from "../config/hop-policy.ts";
import type { DescriptorUse } from "../resources/descriptor-watch.ts";
import type { UplinkState } from "../uplink/state.ts";
import type {
  ConfigLine,
  DescriptorLine,
  LinkLine,
  Links,
  OfferLine,
  ServiceLine,
  Trouble,
  UplinkLine,
} from "./schema.ts";

export function uplinkLine(state: UplinkState, rtt: number | null = null): UplinkLine {
  const line: UplinkLine = { state: state.state, since: iso(state.since), rtt };
  const trouble = "trouble" in state ? state.trouble : undefined;
  if (trouble) Object.assign(line, trouble);
  if ("until" in state) line.retryAt = iso(state.until);
  return line;
}

export function serviceLines(
  services: readonly VisibleService[],
  reports: readonly ListenerReport[],
  hop = new HopPolicy(),
): ServiceLine[] {
  const byService = new Map(reports.map(({ service, ...listener }) => [service, listener]));
  return services
    .map(({ name, protocol, port, offers }) => ({
      name,
      protocol,
      port,
      sites: [...new Set(offers.map((offer) => offer.siteName))].sort(),
      listener: byService.get(name) ?? null,
      encryption: offers.some(({ encryption }) => encryption === "hop") ? ("hop" as const) : undefined,
      code: hop.usable(name, offers).length === 0 ? hopNotAllowed(name).code : undefined,
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** What is known of a site's links. */
export interface KnownLinks {
  /** As the registry told it last. */
  readonly reports: readonly LinkReport[];
  readonly incoming: readonly IncomingLink[];
  /** How many there are beside them. */
  readonly moreIncoming?: number | undefined;
  /** Those whose certificates the site holds; the registry may not have told of one yet. */
  readonly held: readonly Pick<LinkReport, "id" | "name" | "issuer">[];
}

/** How many descriptors are open, and what to do when they are too few. */
export function descriptorLine(use: DescriptorUse | null): DescriptorLine | null {
  if (use === null) return null;
  const { exhausted, ...figures } = use;
  return exhausted ? { ...figures, ...troubleOf("connector.descriptors") } : figures;
}

/** Without an uplink no link is up, whatever the registry said last. */
export function linkLines({ reports, incoming, moreIncoming, held }: KnownLinks, uplink: UplinkState): Links {
  const isUp = uplink.state === "up";
  const untold = held
    .filter(({ id }) => !reports.some((report) => report.id === id))
    .map(({ id, name, issuer }): LinkReport => ({ id, name, issuer, state: "down" }));
  const byName = (left: { name: string }, right: { name: string }) =>
    left.name.localeCompare(right.name, "en", { numeric: true });
  return {
    links: [...reports, ...untold]
      .map((link) => ({ ...standing(link, isUp), issuer: link.issuer }))
      .sort(byName),
    incoming: incoming.map((link) => incomingLine(link, isUp)).sort(byName),
    moreIncoming,
  };
}

/** What the table says to do about a revoked link is for the joiner; this site is who invites it again. */
function incomingLine(link: IncomingLink, isUp: boolean): Links["incoming"][number] {
  const { joiner } = link;
  const revoked = link.code === "link.revoked";
  const action = `Give ${joiner} a new token, if it is to be linked again: \`fairlead token create --issuer SITE\`, with this site's name.`;
  return { ...standing(link, isUp), ...(revoked ? { action } : {}), joiner };
}

function standing(link: Omit<LinkReport, "issuer">, isUp: boolean): Omit<LinkLine, "issuer"> {
  const { id, name, cost } = link;
  const known = { id, name, cost };
  // What was revoked stays so, with or without an uplink.
  if (!isUp && link.code !== "link.revoked") {
    return { ...known, state: "down", ...troubleOf("uplink.lost"), rtt: null };
  }
  return {
    ...known,
    state: link.state,
    ...(link.code && troubleOf(link.code)),
    since: link.since === undefined ? undefined : iso(link.since),
    rtt: link.state === "up" ? (link.rtt ?? null) : null,
  };
}

/** A code with what the table says to do; one of a newer edge stands alone. */
function troubleOf(code: string): { code: string; action?: string } {
  return isErrorCode(code) ? { code, action: ERRORS[code].action } : { code };
}

export function configLine({ file, loadedAt, error, restartNeeded }: ConfigState): ConfigLine {
  return {
    file,
    loadedAt: iso(loadedAt),
    error: error && troubleLine(error),
    restartNeeded: [...restartNeeded],
  };
}

/** A failure with what to do about it. */
export function troubleLine({ code, message, entry }: FairleadError): Trouble {
  return { code, message, action: entry.action };
}

/** Offers, each with why the network does not take it. */
export function offerLines(
  offers: readonly Omit<OfferLine, "refused">[],
  refused: readonly RefusedOffer[],
): OfferLine[] {
  return offers.map((offer) => {
    const why = refused.find(({ name }) => name === offer.name);
    if (why === undefined) return { ...offer };
    return { ...offer, refused: { ...troubleOf(why.code), message: why.message } };
  });
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

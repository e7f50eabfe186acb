/** Views of the connector's parts, as resources of the control socket. */
import { ERRORS, type ErrorCode, type FairleadError, isErrorCode } from "../../protocol/errors.ts";
import type {
  IncomingLink,
  LinkReport,
  ListenerReport,
  RefusedIngress,
  RefusedOffer,
  VisibleService,
} from "../../protocol/uplink/messages.ts";
import type { ConfigState } from "../config/config-reload.ts";
import { HopPolicy, hopNotAllowed } from "../config/hop-policy.ts";
import type { IngressRule } from "../config/ingress.ts";
import { type Exposure, firstPort, proposedPort } from "../config/service-options.ts";
import { isUpAt } from "../listeners/catalogue.ts";
import { formatAddress } from "../net/local-socket.ts";
import type { DescriptorUse } from "../resources/descriptor-watch.ts";
import type { Offering } from "../targets/offers.ts";
import { adviceFor } from "../targets/target-advice.ts";
import type { UplinkState } from "../uplink/state.ts";
import type {
  ConfigLine,
  DescriptorLine,
  DnsLine,
  DnsServerLine,
  ExposedService,
  IngressLine,
  LinkLine,
  Links,
  OfferLine,
  PortHealthLine,
  ServiceLine,
  TargetLine,
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
  const byPort = new Map(
    reports.map(({ service, ...listener }) => [`${service} ${listener.port ?? ""}`, listener]),
  );
  const sitesOf = (offers: VisibleService["offers"]) =>
    [...new Set(offers.map(({ siteName }) => siteName))].sort();
  return services
    .map(({ name, protocol, port, ports, balance, offers }): ServiceLine => {
      const healthAt = (at: number) => {
        const serving = offers.filter((offer) => offer.ports?.includes(at) !== false);
        const up = sitesOf(serving.filter((offer) => isUpAt(offer, at)));
        const down = sitesOf(serving).filter((site) => !up.includes(site));
        if (down.length === 0) return {};
        return { down, code: up.length === 0 ? ("service.unhealthy" as const) : undefined };
      };
      const several = ports?.map((each) => ({
        ...each,
        sites: sitesOf(offers.filter((offer) => offer.ports?.includes(each.port) !== false)),
        listener: byPort.get(`${name} ${each.port}`) ?? byPort.get(`${name} `) ?? null,
        ...healthAt(each.port),
      }));
      const { down, code } = healthAt(port);
      const isUnhealthy = several?.every((each) => each.code !== undefined) ?? true;
      return {
        ...{ name, protocol, port, balance, ports: several },
        sites: sitesOf(offers),
        down,
        listener: several === undefined ? (byPort.get(`${name} `) ?? null) : (several[0]?.listener ?? null),
        encryption: offers.some(({ encryption }) => encryption === "hop") ? "hop" : undefined,
        code:
          hop.usable(name, offers).length === 0 ? hopNotAllowed(name).code : isUnhealthy ? code : undefined,
      };
    })
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** A site's links, as the connector knows them. */
export interface KnownLinks {
  /** The links that this site made, as the registry reported them last. */
  readonly reports: readonly LinkReport[];
  /** The links that other sites made with tokens of this one. */
  readonly incoming: readonly IncomingLink[];
  /** Number of incoming links that are not listed. */
  readonly moreIncoming?: number | undefined;
  /** The links whose certificates the site holds. The registry may not have reported all of them yet. */
  readonly held: readonly Pick<LinkReport, "id" | "name" | "issuer">[];
}

/** The descriptors of the process, with what to do when there are too few. */
export function descriptorLine(use: DescriptorUse | null): DescriptorLine | null {
  if (use === null) return null;
  const { exhausted, ...figures } = use;
  return exhausted ? { ...figures, ...troubleOf("connector.descriptors") } : figures;
}

/** Lists the links by name. Without an uplink every link is down, whatever the registry reported last. */
export function linkLines({ reports, incoming, moreIncoming, held }: KnownLinks, uplink: UplinkState): Links {
  const isUp = uplink.state === "up";
  const unreported = held
    .filter(({ id }) => !reports.some((report) => report.id === id))
    .map(({ id, name, issuer }): LinkReport => ({ id, name, issuer, state: "down" }));
  const byName = (left: { name: string }, right: { name: string }) =>
    left.name.localeCompare(right.name, "en", { numeric: true });
  return {
    links: [...reports, ...unreported]
      .map((link) => ({ ...linkStatus(link, isUp), issuer: link.issuer }))
      .sort(byName),
    incoming: incoming.map((link) => incomingLine(link, isUp)).sort(byName),
    moreIncoming,
  };
}

/** The error table's actions are those of the joiner. At this site, there are others. */
function incomingLine(link: IncomingLink, isUp: boolean): Links["incoming"][number] {
  const { joiner } = link;
  const action = incomingAction(joiner, isUp ? link.code : undefined);
  return { ...linkStatus(link, isUp), ...(action === null ? {} : { action }), joiner };
}

/** What to do at this site about the link of another site to it; null if the error table says it. */
function incomingAction(joiner: string, code: string | undefined): string | null {
  if (code === "link.revoked") {
    return `Give ${joiner} a new token, if it is to be linked again: \`fairlead token create --issuer SITE\`, with this site's name.`;
  }
  if (code === "uplink.lost") return `Check that the connector of ${joiner} runs and reaches the edge.`;
  return null;
}

/** What to do about a link that has no certificate or one that does not hold. The connector renews it by itself. */
const LINK_CERTIFICATE_ACTION =
  "No action is needed if it lasts seconds: the connector requests the certificate of the link again. Otherwise compare the clocks of the site and of the edge, then link again with a new token: `fairlead link create FILE`.";

/** The fields that links of both directions share. */
function linkStatus(link: Omit<LinkReport, "issuer">, isUp: boolean): Omit<LinkLine, "issuer"> {
  const { id, name, cost } = link;
  const known = { id, name, cost };
  // A revoked link stays revoked, with or without an uplink.
  if (!isUp && link.code !== "link.revoked") {
    return { ...known, state: "down", ...troubleOf("uplink.lost"), rtt: null };
  }
  return {
    ...known,
    state: link.state,
    ...(link.code && troubleOf(link.code)),
    ...(link.code?.startsWith("certificate.") ? { action: LINK_CERTIFICATE_ACTION } : {}),
    since: link.since === undefined ? undefined : iso(link.since),
    rtt: link.state === "up" ? (link.rtt ?? null) : null,
  };
}

/** A code with the action of the error table. A code of a newer edge has no action here. */
function troubleOf(code: string): { code: string; action?: string } {
  return isErrorCode(code) ? { code, action: ERRORS[code].action } : { code };
}

/** The DNS servers of the connector, and their domain. */
export interface DnsSource {
  readonly domain: string;
  servers(): readonly DnsServer[];
  readonly reverse?: readonly string[];
  offered(): readonly {
    readonly domain: string;
    readonly servers?: readonly string[];
    readonly to?: readonly string[] | undefined;
  }[];
  accepted(): readonly { readonly domain: string; readonly sites?: readonly string[] }[];
}

interface DnsServer {
  readonly address: string;
  readonly state: {
    readonly state: DnsServerLine["state"];
    readonly code?: ErrorCode;
    readonly message?: string;
  };
}

/** Undefined without servers and zones. */
export function dnsLine(dns: DnsSource): DnsLine | undefined {
  const servers = dns.servers().map(
    ({ address, state: { state, code, message } }): DnsServerLine => ({
      ...{ address, state },
      ...(code === undefined ? {} : { ...troubleOf(code), message }),
    }),
  );
  const offered = dns
    .offered()
    .map(({ domain, servers: at = [], to }) => ({ domain, servers: [...at], ...(to && { to: [...to] }) }));
  const accepted = dns.accepted().map(({ domain, sites = [] }) => ({ domain, sites: [...sites] }));
  if (servers.length + offered.length + accepted.length === 0) return undefined;
  return {
    ...{ domain: dns.domain, servers },
    ...(dns.reverse === undefined || dns.reverse.length === 0 ? {} : { reverse: [...dns.reverse] }),
    ...(offered.length === 0 ? {} : { offered }),
    ...(accepted.length === 0 ? {} : { accepted }),
  };
}

export function configLine({ file, loadedAt, error, restartNeeded }: ConfigState): ConfigLine {
  return {
    file,
    loadedAt: iso(loadedAt),
    error: error && troubleLine(error),
    restartNeeded: [...restartNeeded],
  };
}

/** An error with its action. */
export function troubleLine({ code, message, action }: FairleadError): Trouble {
  return { code, message, action };
}

/** An offer, without what the network says of it. */
export function offerLine(offer: Exposure & Pick<OfferLine, "encryption" | "source">): OfferLine {
  const { name, to, encryption, source, ports } = offer;
  const port = firstPort(offer);
  const { targets, ...first } = port;
  const target = targets[0] ?? { host: "", port: proposedPort(port) };
  return {
    ...{ name, host: target.host, port: target.port, ...first, to, encryption, source },
    ports: ports.map((port) => ({ ...port, targets: [...port.targets] })),
  };
}

/**
 * The offers, each with its ports in the network, or with the reason if the network refuses it.
 * @param portOf the port of a service where it is not the one that the site proposes
 */
export function offerLines(
  offers: readonly (Exposure & Pick<OfferLine, "encryption" | "source">)[],
  refused: readonly RefusedOffer[],
  portOf: (service: string) => number | undefined = () => undefined,
): OfferLine[] {
  return offers.map((offer) => {
    const line = offerLine(offer);
    const why = refused.find(({ name }) => name === offer.name);
    if (why !== undefined) return { ...line, refused: { ...troubleOf(why.code), message: why.message } };
    const ports = line.ports?.map((port) => ({
      ...port,
      networkPort: port.servicePort ?? portOf(offer.name) ?? proposedPort(port),
    }));
    return { ...line, networkPort: ports?.[0]?.networkPort, ports };
  });
}

/** What decides on the services that this site publishes. */
export interface IngressSources {
  readonly offers: readonly { readonly name: string }[];
  readonly refusedOffers: readonly RefusedOffer[];
  readonly refused: readonly RefusedIngress[];
  readonly isUp: boolean;
  /** Whether the edge has a public door. */
  readonly hasDoor: boolean;
}

/** The services that this site publishes by hostnames, each with the reason if the network does not publish it. */
export function ingressLines(rules: readonly IngressRule[], sources: IngressSources): IngressLine[] {
  return rules.map(({ name: service, hostname, access }) => ({
    ...{ hostname, service, access },
    ...ingressState(service, hostname, sources),
  }));
}

function ingressState(
  service: string,
  hostname: string,
  { offers, refusedOffers, refused, isUp, hasDoor }: IngressSources,
): Omit<IngressLine, "hostname" | "service" | "access"> {
  if (!offers.some(({ name }) => name === service)) {
    const message = `This site offers no service "${service}".`;
    const action = `Offer it: \`fairlead expose ${service}=PORT/http\`.`;
    return { state: "waiting", granted: null, message, action };
  }
  if (!isUp) return { state: "waiting", granted: null, message: "The uplink is not up." };
  if (!hasDoor) {
    const action = "Update the edge.";
    return { state: "waiting", granted: null, message: "The edge is too old for a public door.", action };
  }
  const why = refused.find((each) => each.hostname === hostname);
  if (why !== undefined) {
    const granted = why.code !== "ingress.not_granted";
    return { state: "refused", granted, ...troubleOf(why.code), message: why.message };
  }
  const offer = refusedOffers.find(({ name }) => name === service);
  if (offer !== undefined) {
    return { state: "refused", granted: null, ...troubleOf(offer.code), message: offer.message };
  }
  return { state: "published", granted: true };
}

/** The targets of a port, as the connector has them. */
export interface PortTargets {
  readonly isUp: boolean;
  readonly since: number;
  /** Whether a controller names them. */
  readonly isManaged: boolean;
  readonly endpoints: readonly {
    readonly host: string;
    readonly port: number;
    readonly address: string | null;
    readonly isUp: boolean;
    readonly since: number;
    readonly open: number;
    readonly health: { readonly failure: { readonly error: FairleadError } | null } | null;
  }[];
}

/**
 * The health of a port's targets.
 * @param isWithdrawn whether other sites do not use the port here, because all targets are down
 * @param dateOf the date of a time of the connector's clock, ms since 1970
 */
export function portHealthLine(
  service: string,
  { isUp, since, isManaged, endpoints }: PortTargets,
  isWithdrawn: boolean,
  dateOf: (time: number) => number,
): PortHealthLine {
  return {
    ...{ state: isUp ? "up" : "down", since: iso(dateOf(since)) },
    ...(isWithdrawn ? { withdrawn: true } : {}),
    targets: endpoints.map((endpoint): TargetLine => {
      const { host, port, address } = endpoint;
      const failure = endpoint.health?.failure;
      return {
        target: formatAddress(host, port),
        ...(address === null || address === host ? {} : { address }),
        ...{ state: endpoint.isUp ? "up" : "down", since: iso(dateOf(endpoint.since)), open: endpoint.open },
        ...(failure ? troubleLine(adviceFor(failure.error, { service, target: endpoint, isManaged })) : {}),
      };
    }),
  };
}

/** The effect of offering a service. `problem` is the reason why no server answers at a target. */
export function exposedService(
  line: OfferLine,
  { movedFrom, configured }: Pick<Offering, "movedFrom" | "configured">,
  problem: FairleadError | null,
): ExposedService {
  return {
    ...line,
    movedFrom: movedFrom[0],
    movedFromAll: movedFrom.length > 1 ? [...movedFrom] : undefined,
    configured: configured ? true : undefined,
    warning: problem === null ? undefined : troubleLine(problem),
  };
}

export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

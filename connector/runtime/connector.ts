/**
 * One connector: the list of its parts, in the order in which they are built. A part is given parts that come before
 * it; it reaches later parts through events, which `reactions.ts` handles.
 */
import { DATAGRAM_KIND } from "../../protocol/datagrams/framing.ts";
import { DNS_KIND } from "../../protocol/dns/zone-service.ts";
import { EXCHANGE_KIND } from "../../protocol/exchange/head.ts";
import { MemoryBudget } from "../../protocol/memory-budget.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import { ConfigReload } from "../config/config-reload.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import { toMilliseconds } from "../config/duration.ts";
import { HopPolicy } from "../config/hop-policy.ts";
import { IngressPolicy } from "../config/ingress.ts";
import { RetryPolicy } from "../config/retry-policy.ts";
import { type ExposeRequest, type TargetHost, targetsOf } from "../config/service-options.ts";
import { Report } from "../control/report.ts";
import type { Controlled } from "../control/routes.ts";
import type {
  CreatedLink,
  ExposedService,
  Links,
  MovedSite,
  Services,
  Sessions,
  Status,
} from "../control/schema.ts";
import { exposedService, offerLine } from "../control/view.ts";
import { DoorSessions } from "../door/door-sessions.ts";
import { RefusedIngress } from "../door/refused-ingress.ts";
import { Retries } from "../http/retry/retries.ts";
import { Catalogue } from "../listeners/catalogue.ts";
import { Clients } from "../listeners/clients.ts";
import { ListenerSet } from "../listeners/listener-set.ts";
import { StreamOpener } from "../listeners/stream-opener.ts";
import { ListenerTls } from "../listeners/tls/listener-tls.ts";
import { formatAddress } from "../net/local-socket.ts";
import { targetNames } from "../net/name-resolver.ts";
import { pendingResets } from "../net/pending-resets.ts";
import { Observers } from "../observers/observers.ts";
import { Relay } from "../relay/relay.ts";
import { RequestLog } from "../relay/request-log.ts";
import { DescriptorWatch } from "../resources/descriptor-watch.ts";
import { memoryLimit } from "../resources/memory-limit.ts";
import type { EdgeMove } from "../site/edge-move.ts";
import { LinkBook } from "../site/link-book.ts";
import { Renewer } from "../site/renewer.ts";
import type { LinkWishes } from "../site/site.ts";
import { TokenMoves } from "../site/token-moves.ts";
import { MachineConnectors } from "../targets/machine-connectors.ts";
import { Offers } from "../targets/offers.ts";
import { OwnTargets } from "../targets/own-targets.ts";
import { RefusedOffers } from "../targets/refused-offers.ts";
import { ServiceHealth } from "../targets/service-health.ts";
import { ServicePorts } from "../targets/service-ports.ts";
import { SiteNames } from "../targets/site-names.ts";
import type { StreamServer } from "../targets/stream-server.ts";
import { TargetDials } from "../targets/target-dials.ts";
import { TargetPool } from "../targets/target-pool.ts";
import { TargetPreambles } from "../targets/target-preamble.ts";
import { TargetStreams } from "../targets/target-streams.ts";
import { TcpStreams } from "../targets/tcp-streams.ts";
import { UdpClients } from "../udp/udp-clients.ts";
import { UdpStreams } from "../udp/udp-streams.ts";
import { ClockSkew } from "../uplink/clock-skew.ts";
import { laneAddress, reachGateway } from "../uplink/dial.ts";
import { drained } from "./drain.ts";
import { ConnectorEvents } from "./events.ts";
import { makeExchanges } from "./exchanges.ts";
import { makeHttpListeners } from "./http-listeners.ts";
import { LocalTargets } from "./local-targets.ts";
import { movedSite } from "./move-site.ts";
import { NetworkDns } from "./network-dns.ts";
import type { ConnectorOptions } from "./options.ts";
import { OwnStreams } from "./own-streams.ts";
import { type Part, PartList } from "./part.ts";
import { applyConfig, react } from "./reactions.ts";
import { RegistryNotices } from "./registry-notices.ts";
import { RegistryReports } from "./registry-reports.ts";
import { certificateIssuer } from "./service-certificates.ts";
import { laneDialler, makeSessions, sessionIdentity } from "./sessions.ts";
import { SiteNamedLog } from "./site-named-log.ts";
import { streamsOf } from "./streams.ts";
import { TokenRedeemer } from "./token-redeemer.ts";
import { makeUplink } from "./uplink.ts";

export type { ConnectorOptions } from "./options.ts";

/** Builds the parts. @throws FairleadError request.invalid, state.corrupt. */
async function build(given: ConnectorOptions) {
  const names = new SiteNames();
  const log = new SiteNamedLog(given.log, names);
  const options = { ...given, log };
  const { state, site, boot, software, config } = options;
  const { exposures, listen, bind, tokens } = config;
  const keepAliveMs = toMilliseconds(config.keepalive);
  const events = new ConnectorEvents();
  const hop = new HopPolicy(config);
  const ingress = new IngressPolicy(config.ingress);
  const { network, site: self } = site.membership;
  const relay = new Relay({ network: network.id, site: self.id, log });
  const requestLog = new RequestLog({ requests: relay.requests, log });
  requestLog.set(config.log.includes("requests"));
  const observers = new Observers(relay.requests, config.observe);

  // This machine: its descriptors, its targets and its listeners
  const descriptors = new DescriptorWatch({ onChange: () => events.emit("listenersChanged"), log });
  const offers = await Offers.load(state, exposures, hop, log);
  offers.setBalances(config.balance);
  const machine = new MachineConnectors({ site: () => site.membership.site.name });
  const ownTargets = new OwnTargets({ offers: () => offers.targets(), names: targetNames, others: machine });
  const listeners = await ListenerSet.load({
    ...{ state, bind, listen, keepAliveMs, descriptors, ownTargets, log },
    onClient: (at, socket) => events.emit("connection", at, socket),
    onUdp: (at, socket) => events.emit("udpListening", at, socket),
    onRefused: (at, socket, error) => events.emit("clientRefused", at, socket, error),
    onChange: () => events.emit("listenersChanged"),
  });
  const localTargets = new LocalTargets(machine, ownTargets, listeners);
  const dials = new TargetDials({
    // Any port, once other connectors are here: an address that a configuration names may be their target.
    isListened: (port) => listeners.isAt(port) || machine.listens(port),
    machine,
  });
  const pool = new TargetPool({
    ...{ keepAliveMs, descriptors, dials },
    onChange: () => events.emit("healthChanged"),
  });
  const health = new ServiceHealth({
    ...{ pool, health: config.health, log },
    offers: () => offers.list(),
    onWithdrawal: () => events.emit("withdrawalsChanged"),
  });
  health.configure();
  const preambles = new TargetPreambles(config, log);
  const exchanges = makeExchanges({ pool, relay, preambles });
  const udpStreams = new UdpStreams({ pool, relay, descriptors, log });
  const servers = new Map<string, StreamServer>([
    [DEFAULT_KIND, new TcpStreams({ pool, relay, preambles })],
    [EXCHANGE_KIND, exchanges.server],
    [DATAGRAM_KIND, udpStreams],
  ]);
  const targetStreams = new TargetStreams({ offers, servers, relay, ingress, names, log });

  // The network, as the registry reports it
  const catalogue = new Catalogue(() => events.emit("catalogueChanged"), log);
  const refusedOffers = new RefusedOffers(log, (services) => targetStreams.forbid(services));
  const refusedIngress = new RefusedIngress(log);
  const servicePorts = new ServicePorts(log);
  const dns = new NetworkDns({
    ...{ config, network: network.name, relay, log },
    ...{ catalogue, listeners, offers, refusedOffers, servicePorts, ownTargets },
    openZone: (service, peer) => streamsOf(manager, ownStreams).open(service, peer, { kind: DNS_KIND }),
  });
  const clock = new ClockSkew(log);
  const lanes = laneAddress(site, log);

  // The edge: the uplink, and what needs it
  const moves = new TokenMoves({ site, tokens, readToken: options.readToken, reachGateway, log });
  const uplink = makeUplink(options, moves, events);
  const book = new LinkBook({
    site,
    present: () => uplink.replace(),
    remove: (name) => uplink.deleteLink(name),
    renew: () => events.emit("certificatesMissing"),
    roundTrip: () => uplink.lastRtt,
    log,
  });
  const renewer = new Renewer({
    validity: () => site.membership,
    request: () => uplink.requestRenewal(),
    adopt: (renewal) => site.adopt(renewal, book.known.reports),
    adopted: () => void uplink.replace(),
    log,
    ...options.renewal,
  });

  const listenerTls = new ListenerTls({
    services: config.listenTls,
    issue: certificateIssuer(uplink, () => dns.domain),
    onChange: (service) => events.emit("listenerCertificateChanged", service),
    log,
  });

  // Other sites: the sessions, and the clients that use them
  const memory = new MemoryBudget(config.memory ?? memoryLimit());
  const laneParts = { descriptors, lanes, uplink };
  const manager = makeSessions(options, {
    ...{ targetStreams, zones: dns, hop, offers, memory },
    ...laneParts,
  });
  const doors = new DoorSessions({
    ...{ boot, software, ingress, memory, log, limits: options.limits },
    identity: () => sessionIdentity(options),
    dial: laneDialler(options, laneParts),
    opened: (stream, origin) => void targetStreams.serve(stream, origin),
    edgeRoundTrip: () => uplink.lastRtt,
  });
  const ownStreams = new OwnStreams({
    ...{ offers, targetStreams, refused: refusedOffers },
    withdrawn: (service) => health.withdrawn(service),
    kinds: [...servers.keys()].filter((kind) => kind !== DEFAULT_KIND),
    instance: () => ({ site: self.id, siteName: site.membership.site.name, boot }),
  });
  const opener = new StreamOpener({
    ...{ catalogue, streams: streamsOf(manager, ownStreams), hop },
    own: (service) => ownStreams.offer(service),
    edgeRoundTrip: () => uplink.lastRtt,
    edgeUpForMs: () => uplink.upForMs,
  });
  const onLoop = (at: { readonly service: string; readonly port?: number | undefined }) =>
    events.emit("clientLooped", at);
  const clients = new Clients({ opener, dials, relay, observe: (flow) => observers.of(flow), onLoop });
  const retryPolicy = new RetryPolicy(config.retry);
  const retries = new Retries(retryPolicy);
  const httpListeners = makeHttpListeners({ catalogue, hop, opener, retries, relay, dials, onLoop });

  const udpClients = new UdpClients({ opener, relay, own: udpStreams, onLoop });

  // The conversation with the registry
  const notices = new RegistryNotices({
    ...{ site, clock, lanes, book, refusedOffers, servicePorts, targetStreams, catalogue, manager, log },
    ...{ doors, refusedIngress },
  });
  const { welcomed } = notices;
  const redeemer = new TokenRedeemer({ tokens, readToken: options.readToken, site, book, welcomed, log });
  const reports = new RegistryReports({
    ...{ boot, software, uplink, book, offers, ingress },
    ...{ health, servicePorts, zones: dns, listeners, manager, log },
  });

  return {
    ...{
      events,
      names,
      hop,
      relay,
      requestLog,
      observers,
      descriptors,
      offers,
      machine,
      ownTargets,
      listeners,
      listenerTls,
      localTargets,
    },
    ...{ dials, health, targetStreams, catalogue, refusedOffers, servicePorts, clock, uplink, book },
    ...{ preambles },
    ...{ renewer, manager, doors, ingress, refusedIngress, ownStreams, opener, clients, httpListeners },
    ...{ retryPolicy, udpClients, udpStreams, dns, exchanges },
    ...{ notices, redeemer, reports, moves },
  };
}

export type ConnectorParts = Awaited<ReturnType<typeof build>>;

/** The parts that are started and stopped: started in this order, drained and closed in reverse. */
function lifecycle(
  parts: ConnectorParts,
  reload: ConfigReload | undefined,
  { log }: ConnectorOptions,
): PartList {
  const { descriptors, localTargets, listeners, renewer, manager, opener, clients } = parts;
  const { ownStreams, dns, listenerTls, exchanges, redeemer, reports, health } = parts;
  const { doors, httpListeners } = parts;
  const order: Part[] = [
    descriptors,
    localTargets,
    { drain: () => listeners.close(), close: () => listeners.close() },
    { start: () => renewer.plan(), close: () => renewer.stop() },
    exchanges,
    { drain: async (ms) => void (await drained(manager, ms, log)), close: () => manager.close() },
    { drain: (ms) => doors.drainWithin(ms), close: () => doors.close() },
    ownStreams,
    { drain: () => opener.stop() },
    clients,
    httpListeners,
    { close: () => listenerTls.close() },
    { drain: () => endDatagrams(parts), close: () => endDatagrams(parts) },
    dns,
    redeemer,
    reports,
    health,
  ];
  return new PartList(reload === undefined ? order : [...order, reload]);
}

/** Datagrams have no end that could be waited for: their next ones make flows elsewhere. */
function endDatagrams({ udpClients, udpStreams }: ConnectorParts): void {
  udpClients.close();
  udpStreams.close();
}

export class Connector implements Controlled {
  readonly #parts: ConnectorParts;
  readonly #lifecycle: PartList;
  readonly #reload: ConfigReload | undefined;
  readonly #report: Report;
  readonly #options: ConnectorOptions;

  /** Reads what the state directory remembers. @throws FairleadError request.invalid, state.corrupt. */
  static async load(options: ConnectorOptions): Promise<Connector> {
    return new Connector(options, await build(options));
  }

  private constructor(options: ConnectorOptions, parts: ConnectorParts) {
    const { file, config: running, site, boot, software, log } = options;
    this.#options = options;
    this.#parts = parts;
    this.#reload = file && new ConfigReload({ file, running, apply: applyConfig(parts), log });
    this.#lifecycle = lifecycle(parts, this.#reload, options);
    this.#report = new Report({ ...parts, site, boot, software, reload: this.#reload });
    react(parts);
  }

  /** The configuration that the connector runs with now. */
  get config(): ConnectorConfig {
    return this.#reload?.running ?? this.#options.config;
  }

  /** Resolves at the first welcome: then the site knows its name and its links as the network has them. */
  get welcomed(): Promise<void> {
    return this.#parts.notices.welcomed;
  }

  start(): void {
    this.#lifecycle.start();
  }

  /**
   * Withdraws the offers, closes the listeners and sends GOAWAY to the peers; then lets open streams finish, for at most
   * `ms`. The uplink stays up, so that sessions can replace their lanes. {@link close} follows.
   */
  async drain(ms: number): Promise<void> {
    await this.#lifecycle.drain(ms);
  }

  /** Closes the uplink with a bye, the listeners and the sessions. */
  async close(): Promise<void> {
    await this.#lifecycle.close();
    pendingResets.resetAll();
    this.#parts.relay.close();
    this.#parts.requestLog.close();
  }

  // What the control socket shows and changes

  status(): Promise<Status> {
    return this.#report.status();
  }

  services(): Services {
    return this.#report.services();
  }

  links(): Promise<Links> {
    return this.#report.links();
  }

  sessions(): Sessions {
    return this.#report.sessions();
  }

  async expose(request: ExposeRequest): Promise<ExposedService> {
    const { offers, health } = this.#parts;
    const offering = await offers.add(request);
    const { exposure, movedFrom } = offering;
    const { name: service, to } = exposure;
    const addresses = (targets: readonly TargetHost[]) =>
      targets.map(({ host, port }) => formatAddress(host, port)).join(", ");
    const target = addresses(targetsOf(exposure));
    const { log } = this.#options;
    if (movedFrom.length === 0) log.info({ service, target, to }, "The service is offered.");
    else {
      const from = addresses(movedFrom);
      log.info({ service, target, from, to }, "The service has moved to another target.");
    }
    const problem = await health.check(service);
    const line = this.#report.services().offers.find(({ name }) => name === service) ?? offerLine(exposure);
    return exposedService(line, offering, problem);
  }

  async unexpose(name: string): Promise<void> {
    await this.#parts.offers.remove(name);
    this.#options.log.info({ service: name }, "The service is no longer offered.");
  }

  async link(token: TokenFile, wishes: LinkWishes = {}): Promise<CreatedLink> {
    return await this.#parts.book.create(token, wishes);
  }

  async unlink(name: string): Promise<void> {
    await this.#parts.book.delete(name);
  }

  async move(to: EdgeMove): Promise<MovedSite> {
    const { site } = this.#options;
    await site.move(to, reachGateway);
    this.#parts.events.emit("edgeMoved");
    return movedSite(site.membership);
  }
}

/**
 * One connector: the list of its parts, in the order in which they are built. A part is given parts that come before
 * it; it reaches later parts through events, which `reactions.ts` handles.
 */

import { DNS_KIND } from "../../protocol/dns/zone-service.ts";
import type { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import { ConfigReload, type ConfigReloadOptions } from "../config/config-reload.ts";
import type { ConnectorConfig } from "../config/connector-config.ts";
import { type ExposeRequest, type TargetHost, targetsOf } from "../config/service-options.ts";
import { Report } from "../control/report.ts";
import type { Controlled } from "../control/routes.ts";
import type {
  Configuration,
  CreatedLink,
  ExposedService,
  Links,
  LogLines,
  MovedSite,
  Services,
  Sessions,
  Status,
  Trial,
  TrialRequest,
} from "../control/schema.ts";
import { exposedService, offerLine } from "../control/view.ts";
import type { DoorWebSockets } from "../door/door-websockets.ts";
import type { KubernetesController } from "../kubernetes/kubernetes-controller.ts";
import { tryConnection } from "../listeners/trial-connection.ts";
import { type LogPart, partLog } from "../log-levels.ts";
import { formatAddress } from "../net/local-socket.ts";
import { pendingResets } from "../net/pending-resets.ts";
import type { EdgeMove } from "../site/edge-move.ts";
import type { LinkWishes } from "../site/site.ts";
import { SiteNames } from "../targets/site-names.ts";
import { reachGateway } from "../uplink/dial.ts";
import { type ClientParts, makeClientParts } from "./client-parts.ts";
import { drained } from "./drain.ts";
import { type EdgeParts, makeEdgeParts } from "./edge-parts.ts";
import { ConnectorEvents } from "./events.ts";
import { type FlowParts, makeFlowParts } from "./flow-parts.ts";
import { kubernetesLine } from "./kubernetes-line.ts";
import type { KubernetesPartsOptions } from "./kubernetes-parts.ts";
import { type MachineParts, makeMachineParts } from "./machine-parts.ts";
import { Monitoring } from "./monitoring.ts";
import { movedSite } from "./move-site.ts";
import { NetworkDns } from "./network-dns.ts";
import { makeNetworkView, type NetworkView } from "./network-view.ts";
import type { ConnectorOptions, PartOptions } from "./options.ts";
import { type Part, PartList } from "./part.ts";
import { makePeerParts, type PeerParts } from "./peer-parts.ts";
import { makePolicies, type Policies } from "./policies.ts";
import { applyConfig, react } from "./reactions.ts";
import { makeRegistryParts, type RegistryParts } from "./registry-parts.ts";
import { SiteNamedLog } from "./site-named-log.ts";
import { takeStateOver } from "./state-changes.ts";
import { makeTargetParts, type TargetParts } from "./target-parts.ts";
import { makeTelemetryParts, type TelemetryParts } from "./telemetry-parts.ts";

export type { ConnectorOptions } from "./options.ts";

export interface ConnectorParts
  extends Policies,
    FlowParts,
    MachineParts,
    TargetParts,
    NetworkView,
    EdgeParts,
    PeerParts,
    ClientParts,
    TelemetryParts,
    RegistryParts {
  readonly events: ConnectorEvents;
  readonly names: SiteNames;
  readonly dns: NetworkDns;
  /** Undefined outside of Kubernetes. */
  readonly kubernetes: KubernetesController | undefined;
}

/** Builds the parts. @throws FairleadError request.invalid, state.corrupt, kubernetes.*. */
async function build(given: ConnectorOptions): Promise<ConnectorParts> {
  const { config, site } = given;
  const names = new SiteNames();
  const log = new SiteNamedLog(given.log, names);
  const options = { ...given, log };
  const events = new ConnectorEvents();
  // Each step adds its parts to those of the steps before it.
  const common = { events, names, ...makePolicies(config), ...makeFlowParts(options) };
  const machine = { ...common, ...(await makeMachineParts(options, common)) };
  const webSockets = (): DoorWebSockets => peers.webSockets;
  const targets = { ...machine, ...makeTargetParts(options, { ...machine, webSockets }) };
  const network = { ...targets, ...makeNetworkView(options, { ...targets, webSockets }) };
  const edge = { ...network, ...makeEdgeParts(options, network) };
  const dns = new NetworkDns({
    ...{ ...edge, config, network: site.membership.network.name, log: partLog(log, "dns") },
    withdrawn: (service) => edge.health.withdrawn(service),
    openZone: async (service, peer) => await peers.streams.open(service, peer, { kind: DNS_KIND }),
  });
  const peers: PeerParts = makePeerParts(options, { ...edge, zones: dns });
  const clients = makeClientParts(options, { ...edge, ...peers, dns });
  const kubernetes = await cluster(options, { ...edge, dns });
  const registry = makeRegistryParts(options, { ...edge, ...peers, dns, ready: () => kubernetes?.begun });
  const telemetry = makeTelemetryParts(options, edge);
  return { ...edge, dns, ...peers, ...clients, kubernetes, ...registry, ...telemetry };
}

/** What works in the configured cluster. Other connectors do not load it. */
async function cluster(
  options: PartOptions,
  parts: KubernetesPartsOptions,
): Promise<KubernetesController | undefined> {
  const { kubernetes } = options.config;
  if (kubernetes === undefined) return undefined;
  const { makeKubernetesParts } = await import("./kubernetes-parts.ts");
  return await makeKubernetesParts(kubernetes, options, parts);
}

/** The parts that are started and stopped: started in this order, drained and closed in reverse. */
function lifecycle(
  parts: ConnectorParts,
  outer: readonly (Part | undefined)[],
  { log }: ConnectorOptions,
): PartList {
  const { descriptors, localTargets, listeners, renewer, manager, opener, clients } = parts;
  const { ownStreams, dns, listenerTls, exchanges, redeemer, reports, health } = parts;
  const { doors, httpListeners, telemetry, kubernetes } = parts;
  const order: Part[] = [
    descriptors,
    localTargets,
    { drain: () => listeners.close(), close: () => listeners.close() },
    { start: () => renewer.plan(), close: () => renewer.stop() },
    exchanges,
    // After the sessions, whose last streams it counts: parts stop in reverse.
    { close: () => telemetry.close() },
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
    // Before the uplink, whose first hello has the services of the cluster.
    { start: () => kubernetes?.start(), close: () => kubernetes?.close() },
    reports,
    health,
  ];
  return new PartList([...order, ...outer.filter((part) => part !== undefined)]);
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
  readonly #monitoring: Monitoring;
  readonly #options: ConnectorOptions;

  /** Reads what the state directory remembers. @throws FairleadError request.invalid, state.corrupt. */
  static async load(options: ConnectorOptions): Promise<Connector> {
    return new Connector(options, await build(options));
  }

  private constructor(options: ConnectorOptions, parts: ConnectorParts) {
    const { file, config: running, site, boot, software, log } = options;
    this.#options = options;
    this.#parts = parts;
    const applyToParts = applyConfig(parts);
    const apply: ConfigReloadOptions["apply"] = (next, change) => {
      applyToParts(next, change);
      if (change.metrics) this.#monitoring.configure(next);
    };
    this.#reload =
      file &&
      new ConfigReload({ file, running, apply, log: log.child({ part: "config" satisfies LogPart }) });
    const { kubernetes } = parts;
    const cluster = kubernetes && { line: () => kubernetesLine(kubernetes) };
    this.#report = new Report({ ...parts, cluster, site, boot, software, reload: this.#reload });
    this.#monitoring = new Monitoring({
      ...{
        config: running,
        report: this.#report,
        series: () => parts.telemetry.series().map((each) => each.report()),
        log: partLog(log, "monitoring"),
      },
      siteName: (id) => parts.names.nameOf(id),
      notReady: () => parts.kubernetes?.notReady(),
    });
    this.#lifecycle = lifecycle(parts, [this.#monitoring, this.#reload], options);
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
   * Has clients in a cluster go elsewhere. Then withdraws the offers, closes the listeners and sends GOAWAY to the peers,
   * and lets open streams finish, for at most `ms`. The uplink stays up, so that sessions can replace their lanes. {@link close} follows.
   */
  async drain(ms: number): Promise<void> {
    // A cluster sends nothing more to a connector that is not ready.
    this.#monitoring.drain();
    await this.#parts.kubernetes?.leave(ms);
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

  configuration(): Configuration {
    return { ...this.config };
  }

  logs(): LogLines {
    return { lines: [...(this.#options.recentLines?.() ?? [])] };
  }

  flows(): Iterable<SiteFlowRecord> {
    return this.#parts.telemetry.records(Number.POSITIVE_INFINITY);
  }

  async connect({ service, port }: TrialRequest): Promise<Trial> {
    return await tryConnection(this.#parts, service, port);
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

  /** Takes over what another connector of the site stored in the state that they share. Never throws. */
  async takeStateOver(): Promise<void> {
    const { site, log } = this.#options;
    await takeStateOver({ ...this.#parts, site, log: partLog(log, "site") });
  }

  async move(to: EdgeMove): Promise<MovedSite> {
    const { site } = this.#options;
    await site.move(to, reachGateway);
    this.#parts.events.emit("edgeMoved");
    return movedSite(site.membership);
  }
}

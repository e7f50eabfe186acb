/**
 * One connector: its site, uplink, sessions, offers and listeners, wired together. What the registry says is handed
 * on by hearing.ts; what changes at the site goes out from here.
 */

import type { TokenFile } from "../../protocol/tokens.ts";
import type { Hello, Offer } from "../../protocol/uplink/messages.ts";
import { UPLINK_VERSIONS } from "../../protocol/versions.ts";
import { HopRules } from "../config/hop-policy.ts";
import type { Exposure } from "../config/service-options.ts";
import { Report } from "../control/report.ts";
import type { Controlled } from "../control/routes.ts";
import type { CreatedLink, Links, Services, Sessions, Status } from "../control/schema.ts";
import { Catalogue } from "../listeners/catalogue.ts";
import { Clients } from "../listeners/clients.ts";
import { ListenerSet } from "../listeners/listener-set.ts";
import { targetNames } from "../net/name-resolver.ts";
import { pendingResets } from "../net/pending-resets.ts";
import { Relay } from "../relay/relay.ts";
import { DescriptorWatch } from "../resources/descriptor-watch.ts";
import type { SessionManager } from "../session/manager.ts";
import { LinkBook } from "../site/link-book.ts";
import { Renewer } from "../site/renewer.ts";
import type { LinkWishes } from "../site/site.ts";
import { MachineConnectors } from "../targets/machine-connectors.ts";
import { Offers } from "../targets/offers.ts";
import { OwnTargets } from "../targets/own-targets.ts";
import { RefusedOffers } from "../targets/refused-offers.ts";
import { TargetDials } from "../targets/target-dials.ts";
import { TargetPool } from "../targets/target-pool.ts";
import { TargetStreams } from "../targets/target-streams.ts";
import { ClockSkew } from "../uplink/clock-skew.ts";
import { dialUplink, laneAddress } from "../uplink/dial.ts";
import { Uplink } from "../uplink/uplink.ts";
import { drained } from "./drain.ts";
import type { ConnectorOptions } from "./options.ts";
import { Hearing } from "./registry-notices.ts";
import { makeSessions } from "./sessions.ts";
import { streamsOf } from "./streams.ts";

export type { ConnectorOptions } from "./options.ts";

/** As many links as one hello presents. */
const MAX_LINKS = 64;

/** What a connector has at its own machine. */
interface LocalParts {
  readonly offers: Offers;
  readonly listeners: ListenerSet;
  readonly descriptors: DescriptorWatch;
  readonly machine: MachineConnectors;
  readonly ownTargets: OwnTargets;
  readonly dials: TargetDials;
}

export class Connector implements Controlled {
  readonly #options: ConnectorOptions;
  readonly #hop: HopRules;
  readonly #offers: Offers;
  readonly #listeners: ListenerSet;
  readonly #descriptors: DescriptorWatch;
  readonly #machine: MachineConnectors;
  readonly #ownTargets: OwnTargets;
  readonly #catalogue: Catalogue;
  readonly #manager: SessionManager;
  readonly #clients: Clients;
  readonly #uplink: Uplink;
  readonly #renewer: Renewer;
  readonly #book: LinkBook;
  readonly #refusedOffers: RefusedOffers;
  readonly #clock: ClockSkew;
  readonly #relay: Relay;
  readonly #targetStreams: TargetStreams;
  readonly #hearing: Hearing;
  readonly #report: Report;
  readonly #welcomed = Promise.withResolvers<void>();
  #reportPlanned = false;
  #draining = false;

  /** Reads what the state directory remembers. @throws FairleadError request.invalid, state.corrupt. */
  static async load(options: ConnectorOptions): Promise<Connector> {
    const offers = await Offers.load(options.state, options.expose, options.hop);
    const { state, bind, listen, log, localKeepAliveMs: keepAliveMs } = options;
    const holder: { connector: Connector | null } = { connector: null };
    const descriptors = new DescriptorWatch({
      log,
      onChange: () => {
        if (holder.connector) holder.connector.#planReport();
      },
    });
    const machine = new MachineConnectors({
      site: () => options.site.membership.site.name,
      listens: listen.flatMap(({ host, port }) => (host === null ? [] : [port])),
      hopsOf: (address, port) => dials.hopsOf(address, port),
    });
    const dials = new TargetDials({
      // Any port, once others are here: an address that was asked for may be their target.
      isListened: (port) => listeners.isAt(port) || machine.listens(port),
      machine,
    });
    const ownTargets = new OwnTargets({
      offers: () => offers.list(),
      names: targetNames,
      others: machine,
    });
    const listeners = await ListenerSet.load({
      ...{ state, bind, listen, keepAliveMs, descriptors, ownTargets, log },
      onClient: (service, socket) => {
        if (holder.connector) holder.connector.#clients.serve(service, socket);
      },
      onRefused: (service, socket, error) => {
        if (holder.connector) holder.connector.#clients.refuse(service, socket, error);
      },
      onChange: () => {
        if (holder.connector) holder.connector.#planReport();
      },
    });
    holder.connector = new Connector(options, { offers, listeners, descriptors, machine, ownTargets, dials });
    return holder.connector;
  }

  private constructor(
    options: ConnectorOptions,
    { offers, listeners, descriptors, machine, ownTargets, dials }: LocalParts,
  ) {
    const { site, boot, log } = options;
    this.#options = options;
    this.#descriptors = descriptors;
    this.#hop = options.hop ?? new HopRules();
    this.#offers = offers;
    const { network, site: self } = site.membership;
    this.#relay = new Relay({ network: network.id, site: self.id, log });
    const pool = new TargetPool({ keepAliveMs: options.localKeepAliveMs, descriptors, dials });
    this.#targetStreams = new TargetStreams({ offers, pool, relay: this.#relay, log });
    this.#listeners = listeners;
    this.#machine = machine;
    this.#ownTargets = ownTargets;
    offers.onChange(() => {
      this.#announce();
      this.#targetStreams.review();
      this.#reviewTargets();
    });
    ownTargets.onChange(() => this.#reviewTargets());
    machine.onChange(() => this.#listeners.review());
    this.#refusedOffers = new RefusedOffers(log, (services) => this.#targetStreams.forbid(services));
    this.#clock = new ClockSkew(log);
    this.#catalogue = new Catalogue(() => {
      if (!this.#draining) listeners.set(this.#catalogue.reachable());
    }, log);
    const lanes = laneAddress(site, log);
    this.#manager = makeSessions(options, {
      ...{ targetStreams: this.#targetStreams, hop: this.#hop, offers, descriptors, lanes },
      uplink: () => this.#uplink,
    });
    this.#clients = new Clients({
      ...{ catalogue: this.#catalogue, streams: streamsOf(this.#manager), hop: this.#hop },
      relay: this.#relay,
      edgeRoundTrip: () => this.#uplink.lastRtt,
      edgeUpForMs: () => this.#uplink.upForMs,
      dials,
      onLoop: (service) => this.#listeners.noteLoop(service),
    });
    this.#uplink = new Uplink({
      dial: async (signal, roundTrip) => {
        await this.#ensureFresh();
        return await dialUplink(site, signal, roundTrip);
      },
      onExpired: async () => {
        await site.renewOverApi();
        this.#renewer.plan();
      },
      onRevoked: () => this.#hearing.revoked(),
      hello: () => this.#hello(boot),
      onWelcome: (welcome, skewMs) => {
        lanes.setPort(welcome.lanePort);
        void this.#hearing.welcome(welcome, skewMs).then(this.#welcomed.resolve);
        this.#planReport();
      },
      onNotice: (notice) => this.#hearing.notice(notice),
      log,
      ...(options.keepalive === undefined ? {} : { keepalive: options.keepalive }),
    });
    this.#renewer = new Renewer({
      validity: () => site.membership,
      request: () => this.#uplink.requestRenewal(),
      adopt: (renewal) => site.adopt(renewal, this.#book.known.reports),
      adopted: () => void this.#uplink.replace(),
      log,
      ...options.renewal,
    });
    this.#book = new LinkBook({
      site,
      present: () => this.#uplink.replace(),
      remove: (name) => this.#uplink.deleteLink(name),
      renew: () => this.#renewer.soon(),
      roundTrip: () => this.#uplink.lastRtt,
      log,
    });
    this.#hearing = new Hearing({
      ...{ site, log, clock: this.#clock, book: this.#book, refusedOffers: this.#refusedOffers },
      ...{ targetStreams: this.#targetStreams, catalogue: this.#catalogue, manager: this.#manager },
    });
    this.#report = new Report({
      ...{ site, boot, software: options.software, listeners, offers, descriptors },
      ...{ uplink: this.#uplink, renewer: this.#renewer, clock: this.#clock, book: this.#book },
      ...{
        catalogue: this.#catalogue,
        hop: this.#hop,
        refusedOffers: this.#refusedOffers,
        relay: this.#relay,
        manager: this.#manager,
      },
    });
  }

  /** Resolves at the first welcome: then the site knows its name and its links as the network has them. */
  get welcomed(): Promise<void> {
    return this.#welcomed.promise;
  }

  start(): void {
    this.#machine.start();
    this.#reviewTargets();
    this.#renewer.plan();
    this.#uplink.start();
  }

  /**
   * Takes nothing new on: withdraws the offers, listens no more, tells the peers; then lets the streams that run
   * finish, for `ms` at most. The uplink stays, so that sessions survive what they always survive. `close` follows.
   */
  async drain(ms: number): Promise<void> {
    this.#draining = true;
    this.#announce();
    this.#listeners.close();
    this.#planReport();
    this.#clients.drain();
    await drained(this.#manager, ms, this.#options.log);
  }

  /** Takes leave of the registry, listens no more and ends the sessions. */
  async close(): Promise<void> {
    this.#renewer.stop();
    this.#listeners.close();
    this.#clients.close();
    this.#descriptors.close();
    this.#machine.close();
    await Promise.allSettled([this.#uplink.close(), this.#manager.close()]);
    pendingResets.resetAll();
  }

  // ---- what the control socket shows and changes ------------------------------------------------------

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

  async expose(exposure: Exposure): Promise<void> {
    await this.#offers.add(exposure);
    const { name: service, port, to } = exposure;
    this.#options.log.info({ service, port, ...(to === undefined ? {} : { to }) }, "service exposed");
  }

  async unexpose(name: string): Promise<void> {
    await this.#offers.remove(name);
    this.#options.log.info({ service: name }, "service unexposed");
  }

  async link(token: TokenFile, wishes: LinkWishes = {}): Promise<CreatedLink> {
    return await this.#book.create(token, wishes);
  }

  async unlink(name: string): Promise<void> {
    await this.#book.delete(name);
  }

  // ---- what the registry says and hears ---------------------------------------------------------------

  #hello(boot: string): Hello {
    return {
      type: "hello",
      versions: UPLINK_VERSIONS,
      boot,
      software: this.#options.software,
      links: this.#book.present(MAX_LINKS),
      offers: this.#announced(),
      sessions: this.#manager.sessions().map((held) => held.session),
      listeners: this.#listeners.reports(),
      time: Date.now(),
    };
  }

  /** What the registry shall know of the offers: nothing any more, once the connector stops. */
  #announced(): Offer[] {
    return this.#draining ? [] : this.#offers.forRegistry();
  }

  #announce(): void {
    this.#uplink.send({ type: "offers", offers: this.#announced() });
  }

  /** No listener may be at a target of this site; the other connectors on this machine hear of them. */
  #reviewTargets(): void {
    this.#machine.announce(this.#draining ? [] : this.#ownTargets.list());
    this.#listeners.review();
    void this.#ownTargets.refresh();
  }

  /** Listeners come up in bunches; one message tells of all of them. */
  #planReport(): void {
    if (this.#reportPlanned) return;
    this.#reportPlanned = true;
    setImmediate(() => {
      this.#reportPlanned = false;
      this.#uplink.send({ type: "listeners", listeners: this.#listeners.reports() });
    });
  }

  // ---- wiring -----------------------------------------------------------------------------------------

  async #ensureFresh(): Promise<void> {
    const before = this.#options.site.membership;
    await this.#options.site.ensureFresh();
    if (this.#options.site.membership !== before) this.#renewer.plan();
  }
}

/**
 * One connector: its site, uplink, sessions, offers and listeners, wired together. What the registry says
 * comes in here and is handed on; what changes at the site goes out from here.
 */
import {
  DEFAULT_ENCRYPTION,
  type Hello,
  type LinkReport,
  type Offer,
  type Welcome,
} from "../protocol/messages.ts";
import { UPLINK_VERSIONS } from "../protocol/versions.ts";
import type { Controlled } from "./control/routes.ts";
import type { Status } from "./control/schema.ts";
import { iso, linkLines, serviceLines, uplinkLine } from "./control/view.ts";
import type { Log } from "./log.ts";
import { Clients, type Streams } from "./services/clients.ts";
import { drained } from "./services/draining.ts";
import { HopRules } from "./services/hop.ts";
import { Listeners } from "./services/listeners.ts";
import { Offers } from "./services/offers.ts";
import type { Bind, Exposure, ListenAt } from "./services/options.ts";
import { dialTarget } from "./services/target.ts";
import { CatalogueView } from "./services/view.ts";
import { joinStreams, SessionManager } from "./session/manager.ts";
import { Renewer } from "./site/renewer.ts";
import type { Site } from "./site/site.ts";
import type { StateDirectory } from "./state/directory.ts";
import type { Notice } from "./uplink/connection.ts";
import { dialLane, dialUplink } from "./uplink/edge.ts";
import { Uplink } from "./uplink/uplink.ts";

export interface ConnectorOptions {
  readonly state: StateDirectory;
  readonly site: Site;
  readonly boot: string;
  readonly software: string;
  readonly expose: readonly Exposure[];
  readonly listen: readonly ListenAt[];
  readonly bind: Bind;
  /** What this site offers and uses with hop encryption; nothing unless given. */
  readonly hop?: HopRules;
  /** Lanes of each session, and how long one may be without any, ms. */
  readonly sessions?: { readonly lanes?: number; readonly sessionTimeoutMs?: number };
  readonly log: Log;
}

/** How long `status` waits for the registry, ms. */
const STATUS_TIMEOUT_MS = 2000;

export class Connector implements Controlled {
  readonly #options: ConnectorOptions;
  readonly #hop: HopRules;
  readonly #offers: Offers;
  readonly #listeners: Listeners;
  readonly #view: CatalogueView;
  readonly #manager: SessionManager;
  readonly #clients: Clients;
  readonly #uplink: Uplink;
  readonly #renewer: Renewer;
  #links: readonly LinkReport[] = [];
  #reportPlanned = false;
  #draining = false;

  /** Reads what the state directory remembers. @throws FairleadError request.invalid, state.corrupt. */
  static async load(options: ConnectorOptions): Promise<Connector> {
    const offers = await Offers.load(options.state, options.expose, options.hop);
    const { state, bind, listen, log } = options;
    const holder: { connector: Connector | null } = { connector: null };
    const listeners = await Listeners.load({
      ...{ state, bind, listen, log },
      onClient: (service, socket) => {
        if (holder.connector) holder.connector.#clients.serve(service, socket);
      },
      onChange: () => {
        if (holder.connector) holder.connector.#planReport();
      },
    });
    holder.connector = new Connector(options, offers, listeners);
    return holder.connector;
  }

  private constructor(options: ConnectorOptions, offers: Offers, listeners: Listeners) {
    const { site, boot, log } = options;
    this.#options = options;
    this.#hop = options.hop ?? new HopRules();
    this.#offers = offers;
    this.#listeners = listeners;
    offers.onChange(() => this.#announce());
    this.#view = new CatalogueView(() => {
      if (!this.#draining) listeners.set(this.#view.reachable());
    });
    this.#manager = this.#makeManager();
    this.#clients = new Clients({ view: this.#view, streams: this.#streams(), hop: this.#hop, log });
    this.#uplink = new Uplink({
      dial: async (signal) => {
        await this.#ensureFresh();
        return await dialUplink(site, signal);
      },
      onExpired: async () => {
        await site.renewOverApi();
        this.#renewer.plan();
      },
      hello: () => this.#hello(boot),
      onWelcome: (welcome) => this.#welcome(welcome),
      onNotice: (notice) => this.#notice(notice),
      log,
    });
    this.#renewer = new Renewer({
      validity: () => site.membership,
      request: () => this.#uplink.requestRenewal(),
      adopt: (renewal) => site.adopt(renewal),
      adopted: () => void this.#uplink.replace(),
      log,
    });
  }

  start(): void {
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
    await Promise.allSettled([this.#uplink.close(), this.#manager.close()]);
  }

  // ---- what the control socket shows and changes ------------------------------------------------------

  async status(): Promise<Status> {
    const { site, boot, software } = this.#options;
    const { membership } = site;
    return {
      site: membership.site,
      network: membership.network,
      edge: membership.edge.api,
      boot,
      software,
      otherSites: await this.#countOtherSites(),
      uplink: uplinkLine(this.#uplink.state),
      certificateExpiresAt: iso(membership.notAfter),
      ...this.links(),
      ...this.services(),
      ...this.sessions(),
    };
  }

  services() {
    return {
      services: serviceLines(this.#view.reachable(), this.#listeners.reports(), this.#hop),
      offers: this.#offers.list(),
    };
  }

  links() {
    return { links: linkLines(this.#links, this.#uplink.state) };
  }

  sessions() {
    return {
      sessions: this.#manager.sessions().map((session) => ({
        id: session.session,
        peer: session.peer.siteName,
        boot: session.peer.boot,
        encryption: session.encryption,
        state: session.state,
        since: session.since,
        streams: session.streams,
        generation: session.generation,
        lanes: session.lanes,
        rtt: session.rtt,
      })),
    };
  }

  async expose(exposure: Exposure): Promise<void> {
    await this.#offers.add(exposure);
    this.#options.log.info({ service: exposure.name, port: exposure.port }, "service exposed");
  }

  async unexpose(name: string): Promise<void> {
    await this.#offers.remove(name);
    this.#options.log.info({ service: name }, "service unexposed");
  }

  // ---- what the registry says and hears ---------------------------------------------------------------

  #hello(boot: string): Hello {
    return {
      type: "hello",
      versions: UPLINK_VERSIONS,
      boot,
      software: this.#options.software,
      links: this.#options.site.membership.links.map((link) => link.certificate),
      offers: this.#announced(),
      sessions: this.#manager.sessions().map((held) => held.session),
      listeners: this.#listeners.reports(),
    };
  }

  /** What the registry shall know of the offers: nothing any more, once the connector stops. */
  #announced(): Offer[] {
    return this.#draining ? [] : this.#offers.forRegistry();
  }

  #announce(): void {
    this.#uplink.send({ type: "offers", offers: this.#announced() });
  }

  #welcome(welcome: Welcome): void {
    this.#links = welcome.links;
    this.#view.welcome(welcome.services);
    this.#planReport();
  }

  #notice(notice: Notice): void {
    switch (notice.type) {
      case "services":
        this.#view.change(notice);
        return;
      case "links":
        this.#links = notice.links;
        return;
      case "session.offer":
        this.#manager.offered(notice.invitation);
        return;
      case "session.cut":
        this.#manager.cut(notice.session, notice.code);
    }
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

  #makeManager(): SessionManager {
    const { site, boot, software, log, sessions } = this.#options;
    return new SessionManager({
      boot,
      software,
      identity: () => ({
        network: site.membership.network.id,
        site: site.membership.site.id,
        certificate: site.membership.chain,
        key: site.keyPem,
        authority: site.membership.authority,
      }),
      signalling: {
        request: (service, peer, lanes, encryption) =>
          this.#uplink.requestSession(service, peer, lanes, encryption),
        resume: (session, generation, lanes) => this.#uplink.requestResume(session, generation, lanes),
        ended: (session, generation, code) =>
          this.#uplink.send({ type: "session.ended", session, generation, code }),
      },
      dial: (ticket) => dialLane(site, ticket),
      accept: async (_, { service, encryption }) => dialTarget(this.#offers.target(service, encryption)),
      allowsHop: () => this.#hop.allowsAny || this.#offers.anyHop,
      ...(sessions === undefined ? {} : { limits: sessions }),
      log,
    });
  }

  #streams(): Streams {
    const manager = this.#manager;
    return {
      open: (service, { encryption, ...peer }) => manager.open(service, peer, encryption),
      streamsTo: ({ boot, encryption = DEFAULT_ENCRYPTION }) => {
        const held = manager
          .sessions()
          .some((session) => session.peer.boot === boot && session.encryption === encryption);
        return held ? manager.openStreamsTo({ boot }) : null;
      },
      join: joinStreams,
    };
  }

  async #ensureFresh(): Promise<void> {
    const before = this.#options.site.membership;
    await this.#options.site.ensureFresh();
    if (this.#options.site.membership !== before) this.#renewer.plan();
  }

  async #countOtherSites(): Promise<number | null> {
    if (this.#uplink.state.state !== "up") return null;
    try {
      const view = await this.#uplink.requestStatus(STATUS_TIMEOUT_MS);
      const own = this.#options.site.membership.site.id;
      return view.sites.filter((site) => site.id !== own && site.state === "up").length;
    } catch {
      return null;
    }
  }
}

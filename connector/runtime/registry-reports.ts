/** The reports of this connector to the registry: its hello, its offers and the states of its listeners. */

import { DATAGRAM_KIND } from "../../protocol/datagrams/framing.ts";
import { ZONES_FEATURE } from "../../protocol/dns/zone-service.ts";
import { EXCHANGE_KIND } from "../../protocol/exchange/head.ts";
import {
  CONNECTOR_FEATURES,
  type EdgeFeature,
  type Hello,
  type Ingress,
  MAX_LINKS,
  type Offer,
  type Welcome,
} from "../../protocol/uplink/messages.ts";
import { UPLINK_VERSIONS } from "../../protocol/versions.ts";
import type { IngressPolicy } from "../config/ingress.ts";
import type { ListenerSet } from "../listeners/listener-set.ts";
import type { Log } from "../log.ts";
import type { SessionManager } from "../session/manager.ts";
import type { LinkBook } from "../site/link-book.ts";
import { healthyOffers } from "../targets/healthy-offers.ts";
import type { Offers } from "../targets/offers.ts";
import type { ServiceHealth } from "../targets/service-health.ts";
import type { ServicePorts } from "../targets/service-ports.ts";
import type { Uplink } from "../uplink/uplink.ts";
import type { Part } from "./part.ts";
import { SentOffers } from "./sent-offers.ts";

/** The feature of an edge that passes details of exported services on, and takes changes of some offers. */
const EXPORTS_FEATURE: EdgeFeature = "exports";

export interface RegistryReportsOptions {
  readonly boot: string;
  readonly software: string;
  readonly uplink: Uplink;
  readonly book: LinkBook;
  readonly offers: Offers;
  readonly ingress: IngressPolicy;
  readonly health: Pick<ServiceHealth, "withdrawn" | "anyWithdrawn">;
  readonly servicePorts: Pick<ServicePorts, "of">;
  /** The zones that this site offers. */
  readonly zones: { forRegistry(): Offer[] };
  readonly listeners: ListenerSet;
  readonly manager: SessionManager;
  /**
   * Resolves when the first hello can name what this connector offers; undefined if it can at once. A hello replaces the
   * offers of the process before, and other sites would be told that a service that it does not name is gone.
   */
  readonly ready: () => Promise<void> | undefined;
  readonly log: Log;
}

/** The least time between two messages about offers, ms: those of a cluster may change many times a second. */
const SPACING_MS = 200;

export class RegistryReports implements Part {
  readonly #options: RegistryReportsOptions;
  readonly #sent = new SentOffers();
  #sentAt = Number.NEGATIVE_INFINITY;
  #planned: NodeJS.Timeout | undefined;
  #isDraining = false;
  #isClosed = false;
  #isReportPlanned = false;
  /** What the edge of the last welcome knows. */
  #edgeKnowsZones = false;
  #edgeKnowsUdp = false;
  /** What is published, as the registry knows it. */
  #sentIngress = "[]";
  /** Whether anything was published: a hello names it from then on, also when nothing is left. */
  #hasPublished = false;

  constructor(options: RegistryReportsOptions) {
    this.#options = options;
  }

  /** Brings the uplink up; from then on each new uplink begins with a hello. */
  start(): void {
    const begin = (): void => {
      if (!this.#isClosed) this.#options.uplink.start(() => this.#hello());
    };
    const ready = this.#options.ready();
    if (ready === undefined) begin();
    else void ready.then(begin);
  }

  /**
   * Withdraws the offers; those of a cluster stay with their ports down, since another pod is expected to make them. The
   * uplink stays, so that sessions survive what they always survive.
   */
  drain(): void {
    this.#isDraining = true;
    this.#sendOffersNow();
    this.planListeners();
  }

  /** Says bye and closes the uplink. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isDraining = true;
    this.#sendOffersNow();
    await this.#options.uplink.close({ successor: this.#offers().length > 0 });
  }

  /** Call this when the registry has named ports of services: what is withdrawn is said in other terms then. */
  reviewWithdrawals(): void {
    if (this.#options.health.anyWithdrawn) this.sendOffers();
  }

  /** Sends what changed of the offers: at once, or shortly after the last change. */
  sendOffers(): void {
    const wait = this.#sentAt + SPACING_MS - performance.now();
    if (wait <= 0) this.#sendOffersNow();
    else this.#planned ??= setTimeout(() => this.#sendOffersNow(), wait).unref();
  }

  #sendOffersNow(): void {
    clearTimeout(this.#planned);
    this.#planned = undefined;
    const { uplink } = this.#options;
    // The next welcome compares anew: until then, nothing is sent.
    if (uplink.isOpen) {
      const messages = this.#sent.update(this.#offers());
      for (const message of messages) uplink.send(message);
      if (messages.length > 0) this.#sentAt = performance.now();
    }
    this.sendIngress();
  }

  /** Sends what is published by hostnames, if it differs from what was sent last. */
  sendIngress(): void {
    const ingress = this.#ingress();
    const text = JSON.stringify(ingress);
    if (text === this.#sentIngress) return;
    this.#sentIngress = text;
    this.#hasPublished = true;
    this.#options.uplink.sendIngress(ingress);
  }

  /** Sends the states of the listeners at the end of this turn of the event loop: many change together. */
  planListeners(): void {
    if (this.#isReportPlanned) return;
    this.#isReportPlanned = true;
    setImmediate(() => {
      this.#isReportPlanned = false;
      const { uplink, listeners } = this.#options;
      uplink.send({ type: "listeners", listeners: listeners.reports() });
    });
  }

  /**
   * Sends what the hello did not have: changes since then, details that did not fit, and zones and UDP services, which
   * only an edge that knows them gets. To an older one, they would be services of TCP that others listen for.
   */
  welcome({ features }: Pick<Welcome, "features">): void {
    const { offers, log } = this.#options;
    this.#edgeKnowsZones = features.includes(ZONES_FEATURE);
    this.#edgeKnowsUdp = features.includes(DATAGRAM_KIND);
    if (offers.anyUdp && !this.#edgeKnowsUdp) {
      log.warn({ action: "Update the edge." }, "The edge does not know UDP: UDP services are not offered.");
    }
    this.#sent.welcomed(features.includes(EXPORTS_FEATURE));
    this.#sendOffersNow();
  }

  #hello(): Hello {
    const ingress = this.#ingress();
    this.#hasPublished ||= ingress.length > 0;
    this.#sentIngress = JSON.stringify(ingress);
    const { boot, software, book, listeners, manager } = this.#options;
    return this.#sent.greet({
      type: "hello",
      versions: UPLINK_VERSIONS,
      boot,
      software,
      features: [...CONNECTOR_FEATURES],
      links: book.present(MAX_LINKS),
      offers: this.#offers(),
      sessions: manager.sessions().map(({ session }) => session),
      listeners: listeners.reports(),
      ingress: this.#hasPublished ? ingress : undefined,
      time: Date.now(),
    });
  }

  #ingress(): Ingress[] {
    const { ingress, offers } = this.#options;
    return this.#isDraining ? [] : ingress.forRegistry((service) => offers.has(service));
  }

  #offers(): Offer[] {
    if (this.#isDraining) return this.#leftToSuccessor();
    const { offers, zones, health, servicePorts, uplink } = this.#options;
    const services = healthyOffers(offers.forRegistry({ udp: this.#edgeKnowsUdp }).map(withKinds), {
      withdrawn: (service) => health.withdrawn(service),
      portOf: (service) => servicePorts.of(service),
      edgeKnowsDown: uplink.has("ports"),
    });
    return [...services, ...(this.#edgeKnowsZones ? zones.forRegistry() : [])];
  }

  /** The offers that stay while this connector stops. An older edge withdraws them with the others. */
  #leftToSuccessor(): Offer[] {
    const { offers, uplink } = this.#options;
    if (!uplink.has(EXPORTS_FEATURE)) return [];
    const managed = offers
      .forRegistry({ udp: this.#edgeKnowsUdp })
      .filter(({ name }) => offers.isManaged(name));
    return managed.map(withKinds).map(stopping);
  }
}

/** The offer with all its ports down, since its connector stops. */
function stopping(offer: Offer): Offer {
  const down = offer.ports?.map(({ port }) => port) ?? [offer.port];
  return { ...offer, down, why: "service.draining" };
}

/** The offer with the kinds of streams that it is served by, beside tcp. */
function withKinds(offer: Offer): Offer {
  const protocols = [offer.protocol, ...(offer.ports ?? []).map(({ protocol }) => protocol)];
  const isHttp = protocols.some((protocol) => protocol === "http" || protocol === "http2");
  const kinds = [...(isHttp ? [EXCHANGE_KIND] : []), ...(protocols.includes("udp") ? [DATAGRAM_KIND] : [])];
  return kinds.length === 0 ? offer : { ...offer, kinds };
}

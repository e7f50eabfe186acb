/** The report of a connector about itself, which its control socket serves. */
import { timeLimit } from "../../protocol/time-limits.ts";
import type { RefusedIngress, SiteView } from "../../protocol/uplink/messages.ts";
import type { ConfigReload } from "../config/config-reload.ts";
import type { HopPolicy } from "../config/hop-policy.ts";
import type { IngressPolicy } from "../config/ingress.ts";
import type { Catalogue } from "../listeners/catalogue.ts";
import type { ListenerSet } from "../listeners/listener-set.ts";
import type { DescriptorWatch } from "../resources/descriptor-watch.ts";
import type { SessionManager } from "../session/manager.ts";
import type { LinkBook } from "../site/link-book.ts";
import type { Renewer } from "../site/renewer.ts";
import type { Site } from "../site/site.ts";
import type { Offers } from "../targets/offers.ts";
import type { RefusedOffers } from "../targets/refused-offers.ts";
import type { ServiceHealth } from "../targets/service-health.ts";
import type { ServicePorts } from "../targets/service-ports.ts";
import type { SiteNames } from "../targets/site-names.ts";
import type { ClockSkew } from "../uplink/clock-skew.ts";
import type { Uplink } from "../uplink/uplink.ts";
import type { KubernetesLine, Links, OfferLine, Services, Sessions, Status } from "./schema.ts";
import {
  configLine,
  type DnsSource,
  descriptorLine,
  dnsLine,
  ingressLines,
  iso,
  linkLines,
  offerLines,
  portHealthLine,
  serviceLines,
  troubleLine,
  uplinkLine,
} from "./view.ts";

/** The parts of the connector that the report reads. */
export interface ReportSources {
  readonly site: Pick<Site, "membership">;
  readonly boot: string;
  readonly software: string;
  readonly uplink: Pick<Uplink, "state" | "rtt" | "lastRtt" | "requestStatus" | "has">;
  readonly renewer: Pick<Renewer, "trouble">;
  readonly clock: Pick<ClockSkew, "skewMs">;
  readonly book: Pick<LinkBook, "known" | "update">;
  readonly catalogue: Pick<Catalogue, "reachable">;
  readonly listeners: Pick<ListenerSet, "reports">;
  readonly descriptors?: Pick<DescriptorWatch, "use">;
  readonly hop: HopPolicy;
  readonly offers: Pick<Offers, "list">;
  readonly health: Pick<ServiceHealth, "groups" | "withdrawn">;
  readonly refusedOffers: Pick<RefusedOffers, "list">;
  readonly ingress: Pick<IngressPolicy, "rules">;
  readonly refusedIngress: { list(): readonly RefusedIngress[] };
  readonly servicePorts: Pick<ServicePorts, "of">;
  readonly manager: Pick<SessionManager, "sessions">;
  readonly dns?: DnsSource;
  /** Undefined outside of Kubernetes. */
  readonly cluster?: { line(): KubernetesLine } | undefined;
  readonly relay: { readonly flows: number };
  readonly names: SiteNames;
  /** Undefined when the configuration comes from no file. */
  readonly reload?: Pick<ConfigReload, "state"> | undefined;
}

/** How long the registry's answer serves further requests, ms. */
const FRESH_MS = 1000;

export class Report {
  readonly #sources: ReportSources;
  /** The last request to the registry. */
  #requested = { at: Number.NEGATIVE_INFINITY, view: Promise.resolve<SiteView | null>(null) };

  constructor(sources: ReportSources) {
    this.#sources = sources;
  }

  async status(): Promise<Status> {
    const { id: self } = this.#sources.site.membership.site;
    const view = await this.#request();
    const others = view?.sites.filter(({ id, state }) => id !== self && state === "up").length ?? null;
    return { ...this.local(), otherSites: others };
  }

  /** The status without asking the registry: a request that comes every few seconds must not wake it. */
  local(): Omit<Status, "otherSites"> {
    const { site, boot, software, uplink, renewer, clock, descriptors, relay, dns, cluster, reload } =
      this.#sources;
    const { membership } = site;
    return {
      site: membership.site,
      network: membership.network,
      edge: membership.edge.api,
      boot,
      software,
      uplink: uplinkLine(uplink.state, uplink.rtt),
      certificateExpiresAt: iso(membership.notAfter),
      renewal: renewer.trouble === null ? undefined : troubleLine(renewer.trouble),
      clockSkewMs: clock.skewMs,
      descriptors: descriptorLine(descriptors?.use ?? null),
      flows: relay.flows,
      dns: dns && dnsLine(dns),
      kubernetes: cluster?.line(),
      config: reload && configLine(reload.state),
      ...this.#links(),
      ...this.services(),
      ...this.sessions(),
    };
  }

  services(): Services {
    const { catalogue, listeners, hop, offers, refusedOffers, servicePorts } = this.#sources;
    const lines = offerLines(offers.list(), refusedOffers.list(), (service) => servicePorts.of(service));
    return {
      services: serviceLines(catalogue.reachable(), listeners.reports(), hop),
      offers: this.#withHealth(lines),
      ...this.#ingress(),
    };
  }

  #ingress(): Pick<Services, "ingress"> {
    const { ingress, refusedIngress, refusedOffers, offers, uplink } = this.#sources;
    if (ingress.rules.length === 0) return {};
    return {
      ingress: ingressLines(ingress.rules, {
        offers: offers.list(),
        refusedOffers: refusedOffers.list(),
        refused: refusedIngress.list(),
        isUp: uplink.state.state === "up",
        hasDoor: uplink.has("ingress"),
      }),
    };
  }

  /** The lines of offers, with the health of their targets. */
  #withHealth(lines: readonly OfferLine[]): OfferLine[] {
    const { health, offers } = this.#sources;
    const dateOf = (time: number): number => Date.now() - (performance.now() - time);
    const exposures = new Map(offers.list().map((exposure) => [exposure.name, exposure]));
    return lines.map((line) => {
      const exposure = exposures.get(line.name);
      const groups = exposure === undefined ? [] : health.groups(exposure);
      const down = health.withdrawn(line.name)?.down ?? [];
      const ports = line.ports?.map((port, at) => {
        const group = groups[at];
        if (group === undefined) return port;
        return { ...port, health: portHealthLine(line.name, group, down.includes(at), dateOf) };
      });
      return { ...line, ports };
    });
  }

  /** The links, as the registry has them now if the uplink is up: its notices do not name every change. */
  async links(): Promise<Links> {
    await this.#request();
    return this.#links();
  }

  #links(): Links {
    return linkLines(this.#sources.book.known, this.#sources.uplink.state);
  }

  sessions(): Sessions {
    const { names, manager } = this.#sources;
    return {
      sessions: manager.sessions().map((session) => ({
        id: session.session,
        peer: names.current(session.peer).siteName,
        boot: session.peer.boot,
        encryption: session.encryption,
        state: session.state,
        peerFeatures: [...session.peerFeatures],
        since: session.since,
        streams: session.streams,
        generation: session.generation,
        lanes: session.lanes,
        rtt: session.rtt,
      })),
    };
  }

  /** The network as the registry shows it to this site; null while the uplink is down. */
  #request(): Promise<SiteView | null> {
    const { uplink, book } = this.#sources;
    if (uplink.state.state !== "up") return Promise.resolve(null);
    const now = performance.now();
    if (now - this.#requested.at < FRESH_MS) return this.#requested.view;
    const view = uplink.requestStatus(timeLimit("status", uplink.lastRtt)).then(
      (answer) => {
        book.update(answer);
        return answer;
      },
      () => null,
    );
    this.#requested = { at: now, view };
    return view;
  }
}

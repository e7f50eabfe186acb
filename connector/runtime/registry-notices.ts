/** Passes the registry's messages to the parts that act on them. */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { VisibleService, Welcome } from "../../protocol/uplink/messages.ts";
import type { DoorSessions } from "../door/door-sessions.ts";
import type { RefusedIngress } from "../door/refused-ingress.ts";
import type { Catalogue } from "../listeners/catalogue.ts";
import type { Log } from "../log.ts";
import type { SessionManager } from "../session/manager.ts";
import type { LinkBook } from "../site/link-book.ts";
import type { Site } from "../site/site.ts";
import type { RefusedOffers } from "../targets/refused-offers.ts";
import type { ServicePorts } from "../targets/service-ports.ts";
import type { TargetStreams } from "../targets/target-streams.ts";
import type { ClockSkew } from "../uplink/clock-skew.ts";
import type { Notice } from "../uplink/connection.ts";
import type { LaneAddress } from "../uplink/lane-address.ts";

export interface RegistryNoticesOptions {
  readonly site: Site;
  readonly log: Log;
  readonly clock: ClockSkew;
  readonly lanes: LaneAddress;
  readonly book: LinkBook;
  readonly refusedOffers: RefusedOffers;
  readonly servicePorts: ServicePorts;
  readonly targetStreams: TargetStreams;
  readonly catalogue: Catalogue;
  readonly manager: SessionManager;
  readonly doors: DoorSessions;
  readonly refusedIngress: RefusedIngress;
}

export class RegistryNotices {
  readonly #options: RegistryNoticesOptions;
  readonly #welcomed = Promise.withResolvers<void>();

  constructor(options: RegistryNoticesOptions) {
    this.#options = options;
  }

  /** Resolves after the first welcome: then the site knows its name and its links as the network has them. */
  get welcomed(): Promise<void> {
    return this.#welcomed.promise;
  }

  welcome(welcome: Welcome, skewMs: number): void {
    const { clock, lanes, book, refusedOffers, refusedIngress, servicePorts, catalogue } = this.#options;
    // A list follows where something is refused.
    refusedIngress.replace([]);
    lanes.setPort(welcome.lanePort);
    clock.set(skewMs);
    void this.#rename(welcome.site.name).then(this.#welcomed.resolve);
    book.welcome(welcome);
    refusedOffers.replace(welcome.refused);
    servicePorts.replace(welcome.ports);
    this.#noteSites(welcome.services);
    catalogue.welcome(welcome.services, welcome.more);
  }

  /** The site was revoked: ends every session and empties the catalogue, even if no `session.cut` arrived. */
  revoked(): void {
    const { manager, doors, catalogue } = this.#options;
    void doors.end(new FairleadError("session.revoked"));
    for (const { session } of manager.sessions()) manager.cut(session, "session.revoked");
    catalogue.clear();
  }

  notice(notice: Notice): void {
    const { site, book, refusedOffers, servicePorts, targetStreams, manager, catalogue } = this.#options;
    const { doors, refusedIngress } = this.#options;
    switch (notice.type) {
      case "services":
        this.#noteSites(notice.put);
        catalogue.change(notice);
        return;
      case "links":
        book.update(notice);
        return;
      case "offers.refused":
        refusedOffers.replace(notice.refused);
        servicePorts.replace(notice.ports);
        return;
      case "renamed":
        if (notice.site === site.membership.site.id) void this.#rename(notice.name);
        else targetStreams.note([{ site: notice.site, siteName: notice.name }]);
        return;
      case "session.offer":
        targetStreams.note([notice.invitation.peer]);
        manager.offered(notice.invitation);
        return;
      case "door.offer":
        doors.offered(notice.invitation);
        return;
      case "ingress.refused":
        refusedIngress.replace(notice.refused);
        return;
      case "session.cut":
        manager.cut(notice.session, notice.code);
    }
  }

  async #rename(name: string): Promise<void> {
    const { site, log } = this.#options;
    try {
      await site.rename(name);
    } catch (thrown) {
      const { code, message } = asFairleadError(thrown, "state.unwritable");
      log.warn({ code }, `The site's new name could not be stored: ${message}`);
    }
  }

  #noteSites(services: readonly VisibleService[]): void {
    this.#options.targetStreams.note(services.flatMap(({ offers }) => offers));
  }
}

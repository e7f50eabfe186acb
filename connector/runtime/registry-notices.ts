/** What the registry says over the uplink, handed on to whom it concerns. */
import { asFairleadError } from "../../protocol/errors.ts";
import type { VisibleService, Welcome } from "../../protocol/uplink/messages.ts";
import type { Catalogue } from "../listeners/catalogue.ts";
import type { Log } from "../log.ts";
import type { SessionManager } from "../session/manager.ts";
import type { LinkBook } from "../site/link-book.ts";
import type { Site } from "../site/site.ts";
import type { RefusedOffers } from "../targets/refused-offers.ts";
import type { TargetStreams } from "../targets/target-streams.ts";
import type { ClockSkew } from "../uplink/clock-skew.ts";
import type { Notice } from "../uplink/connection.ts";

/** Whom it concerns. */
export interface HearingParts {
  readonly site: Site;
  readonly log: Log;
  readonly clock: ClockSkew;
  readonly book: LinkBook;
  readonly refusedOffers: RefusedOffers;
  readonly targetStreams: TargetStreams;
  readonly catalogue: Catalogue;
  readonly manager: SessionManager;
}

export class Hearing {
  readonly #parts: HearingParts;

  constructor(parts: HearingParts) {
    this.#parts = parts;
  }

  /** Resolves when the site knows its name as the network has it. */
  welcome(welcome: Welcome, skewMs: number): Promise<void> {
    const { clock, book, refusedOffers, catalogue } = this.#parts;
    clock.set(skewMs);
    const renamed = this.#rename(welcome.site.name);
    book.welcome(welcome);
    refusedOffers.replace(welcome.refused);
    this.#noteSites(welcome.services);
    catalogue.welcome(welcome.services, welcome.more);
    return renamed;
  }

  /** No member any more: nothing is seen, and what was connected is not, whether or not a cut was heard of. */
  revoked(): void {
    const { manager, catalogue } = this.#parts;
    for (const { session } of manager.sessions()) manager.cut(session, "session.revoked");
    catalogue.welcome([]);
  }

  notice(notice: Notice): void {
    const { book, refusedOffers, targetStreams, manager, catalogue } = this.#parts;
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
        return;
      case "renamed":
        targetStreams.note([{ site: notice.site, siteName: notice.name }]);
        return;
      case "session.offer":
        targetStreams.note([notice.invitation.peer]);
        manager.offered(notice.invitation);
        return;
      case "session.cut":
        manager.cut(notice.session, notice.code);
    }
  }

  async #rename(name: string): Promise<void> {
    const { site, log } = this.#parts;
    try {
      await site.rename(name);
    } catch (thrown) {
      const { code, message } = asFairleadError(thrown, "state.unwritable");
      log.warn({ code }, `the site's new name could not be stored: ${message}`);
    }
  }

  #noteSites(services: readonly VisibleService[]): void {
    this.#parts.targetStreams.note(services.flatMap(({ offers }) => offers));
  }
}

/** A site's links: what the registry tells of them, the certificates that the site holds, and making and deleting them. */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { IncomingLink, LinkReport } from "../../protocol/uplink/messages.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { Log } from "../log.ts";
import type { LinkWishes, Site } from "./site.ts";

export interface LinkBookOptions {
  readonly site: Pick<Site, "membership" | "redeem" | "forgetLinks">;
  /** Says hello anew, with the certificates that the site holds now. */
  readonly present: () => Promise<void>;
  /** Has the registry delete a link of this site. @throws FairleadError link.unknown, uplink.*. */
  readonly remove: (name: string) => Promise<void>;
  /** Asks for certificates: some are missing. */
  readonly renew: () => void;
  /** The round trip to the edge, ms; null while it is not known. */
  readonly roundTrip: () => number | null;
  readonly log: Log;
}

/** What the registry tells of a site's links. */
export interface Told {
  readonly links: readonly LinkReport[];
  readonly incoming: readonly IncomingLink[];
  readonly moreIncoming?: number | undefined;
}

export class LinkBook {
  readonly #options: LinkBookOptions;
  #told: Told = { links: [], incoming: [] };
  /** Links that the last hello presented. */
  #presented: ReadonlySet<string> = new Set();
  /** Links for whose certificates the registry was asked; once in the life of this process. */
  readonly #asked = new Set<string>();

  constructor(options: LinkBookOptions) {
    this.#options = options;
  }

  get known() {
    const { links: reports, incoming, moreIncoming } = this.#told;
    return { reports, incoming, moreIncoming, held: this.#options.site.membership.links };
  }

  /** Link certificates for a hello, base64 DER. */
  present(most: number): string[] {
    const links = this.#options.site.membership.links.slice(-most);
    this.#presented = new Set(links.map(({ id }) => id));
    return links.map(({ certificate }) => certificate);
  }

  /** A hello was answered. */
  welcomed(told: Told): void {
    const { site, renew, log } = this.#options;
    this.#take(told);
    const held = new Set(site.membership.links.map(({ id }) => id));
    const wanting = told.links.filter((link) => wantsCertificate(link, held) && !this.#asked.has(link.id));
    if (wanting.length === 0) return;
    for (const { id } of wanting) this.#asked.add(id);
    log.info({ links: wanting.map(({ name }) => name) }, "certificates of links are missing: asked for");
    renew();
  }

  /** Something about the links has changed. */
  changed(told: Told): void {
    this.#take(told);
  }

  /**
   * Redeems a token for one more link and brings that up.
   * @throws FairleadError token.*, link.*, state.*, edge.*; request.invalid when the token gives no link.
   */
  async create(token: TokenFile, wishes: LinkWishes = {}) {
    const { site, present, log } = this.#options;
    // Refused before it is used up; what the file says is only a hint.
    if (token.metadata.site !== undefined) throw withoutLink();
    const link = await site.redeem(token, wishes);
    if (link === null) throw withoutLink();
    const { id, name, issuer } = link;
    log.info({ link: name, issuer }, "link created");
    // Its maker hears of it anyway.
    await resolvesWithin(present(), timeLimit("link", this.#options.roundTrip()));
    return { id, name, issuer, edge: site.membership.edge.api };
  }

  /** Deletes a link. @throws FairleadError link.unknown, uplink.*, state.*. */
  async delete(name: string): Promise<void> {
    const { site, remove, log } = this.#options;
    const held = site.membership.links.filter((link) => link.name === name);
    try {
      await remove(name);
    } catch (thrown) {
      // One that the registry does not know is gone already: what is left of it here goes, too.
      const error = asFairleadError(thrown, "uplink.lost");
      if (error.code !== "link.unknown" || held.length === 0) throw error;
    }
    await site.forgetLinks(new Set(held.map(({ id }) => id)));
    const links = this.#told.links.filter((link) => link.name !== name);
    this.#told = { ...this.#told, links };
    log.info({ link: name }, "link deleted");
  }

  #take(told: Told): void {
    const { site, log } = this.#options;
    const listed = new Set(told.links.map(({ id }) => id));
    // One that was made a moment ago may be unknown to a message that was on its way already.
    const expected = new Set([...this.#presented, ...this.#told.links.map(({ id }) => id)]);
    this.#logChanges(told.links);
    this.#told = told;
    const gone = site.membership.links.filter(({ id }) => expected.has(id) && !listed.has(id));
    if (gone.length === 0) return;
    log.info({ links: gone.map(({ name }) => name) }, "links are gone");
    site.forgetLinks(new Set(gone.map(({ id }) => id))).catch((thrown: unknown) => {
      const { code, message } = asFairleadError(thrown, "state.unwritable");
      log.warn({ code }, `links that are gone could not be forgotten: ${message}`);
    });
  }

  #logChanges(links: readonly LinkReport[]): void {
    for (const { id, name, issuer, state, code } of links) {
      const before = this.#told.links.find((link) => link.id === id);
      if (before?.state === state && before.code === code) continue;
      const about = { link: name, issuer, ...(code === undefined ? {} : { code }) };
      this.#options.log[state === "up" ? "info" : "warn"](about, `link ${state}`);
    }
  }
}

/** Whether a link that is not revoked lacks a certificate that proves it. */
function wantsCertificate({ id, state, code }: LinkReport, held: ReadonlySet<string>): boolean {
  if (code === "link.revoked") return false;
  return !held.has(id) || (state === "down" && code !== undefined && code.startsWith("certificate."));
}

function withoutLink(): FairleadError {
  return new FairleadError(
    "request.invalid",
    "the token admits a site without a link; `fairlead token create` makes one that links",
  );
}

/**
 * The links of a site: the registry's reports, the certificates that the site holds, and the creation and
 * deletion of links.
 */
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { IncomingLink, LinkReport } from "../../protocol/uplink/messages.ts";
import { resolvesWithin } from "../async/timeout.ts";
import type { Log } from "../log.ts";
import type { LinkWishes, Site } from "./site.ts";

export interface LinkBookOptions {
  readonly site: Pick<Site, "membership" | "redeem" | "forgetLinks">;
  /** Sends a new hello with the current certificates. */
  readonly present: () => Promise<void>;
  /** Requests the deletion of a link. @throws FairleadError `link.unknown`, `uplink.*` */
  readonly remove: (name: string) => Promise<void>;
  /** Starts a renewal, because certificates are missing. */
  readonly renew: () => void;
  /** Round trip to the edge, ms; null before the first measurement. */
  readonly roundTrip: () => number | null;
  /** Hears that there are new reports. */
  readonly changed?: () => void;
  readonly log: Log;
}

/** The registry's report on a site's links. */
export interface LinkReports {
  readonly links: readonly LinkReport[];
  readonly incoming: readonly IncomingLink[];
  readonly moreIncoming?: number | undefined;
}

export class LinkBook {
  readonly #options: LinkBookOptions;
  #reports: LinkReports = { links: [], incoming: [] };
  /** Ids of the links in the last hello. */
  #presented: ReadonlySet<string> = new Set();
  /** Ids of the links whose certificates were requested, once per process. */
  readonly #requested = new Set<string>();

  constructor(options: LinkBookOptions) {
    this.#options = options;
  }

  /** The last reports. */
  get reports(): LinkReports {
    return this.#reports;
  }

  get known() {
    const { links: reports, incoming, moreIncoming } = this.#reports;
    return { reports, incoming, moreIncoming, held: this.#options.site.membership.links };
  }

  /** The link certificates for a hello, base64 DER. @param most how many */
  present(most: number): string[] {
    const links = this.#options.site.membership.links.slice(-most);
    this.#presented = new Set(links.map(({ id }) => id));
    return links.map(({ certificate }) => certificate);
  }

  /** Takes the reports of a welcome, and requests missing certificates. */
  welcome(reports: LinkReports): void {
    const { site, renew, log } = this.#options;
    this.#take(reports);
    const held = new Set(site.membership.links.map(({ id }) => id));
    const missing = reports.links.filter(
      (link) => needsCertificate(link, held) && !this.#requested.has(link.id),
    );
    if (missing.length === 0) return;
    for (const { id } of missing) this.#requested.add(id);
    log.info({ links: missing.map(({ name }) => name) }, "Link certificates are missing and were requested.");
    renew();
  }

  /** Takes the reports of a change. */
  update(reports: LinkReports): void {
    this.#take(reports);
  }

  /**
   * Redeems a token for a further link and brings the link up.
   * @throws FairleadError `token.*`, `link.*`, `state.*`, `edge.*`; `request.invalid` for a token without a
   * link
   */
  async create(token: TokenFile, wishes: LinkWishes = {}) {
    const { site, present, log } = this.#options;
    // Refused before the token is used up. The name in the file is only a hint.
    if (token.metadata.site !== undefined) throw withoutLink(token.metadata.site);
    const link = await site.redeem(token, wishes);
    if (link === null) throw withoutLink("another");
    const { id, name, issuer } = link;
    log.info({ link: name, issuer }, "The link was created.");
    // The link exists even if presenting it takes longer.
    await resolvesWithin(present(), timeLimit("link", this.#options.roundTrip()));
    return { id, name, issuer, edge: site.membership.edge.api };
  }

  /** Deletes a link. @throws FairleadError `link.unknown`, `uplink.*`, `state.*` */
  async delete(name: string): Promise<void> {
    const { site, remove, log } = this.#options;
    const held = site.membership.links.filter((link) => link.name === name);
    try {
      await remove(name);
    } catch (thrown) {
      // A link that the registry does not know is deleted already; its certificate is still dropped here.
      const error = asFairleadError(thrown, "uplink.lost");
      if (error.code !== "link.unknown" || held.length === 0) throw error;
    }
    await site.forgetLinks(new Set(held.map(({ id }) => id)));
    const links = this.#reports.links.filter((link) => link.name !== name);
    this.#reports = { ...this.#reports, links };
    this.#options.changed?.();
    log.info({ link: name }, "The link was deleted.");
  }

  #take(reports: LinkReports): void {
    const { site, log } = this.#options;
    const listed = new Set(reports.links.map(({ id }) => id));
    // A message sent before a link was created does not list the link.
    const expected = new Set([...this.#presented, ...this.#reports.links.map(({ id }) => id)]);
    this.#logChanges(reports.links);
    this.#reports = reports;
    this.#options.changed?.();
    const gone = site.membership.links.filter(({ id }) => expected.has(id) && !listed.has(id));
    if (gone.length === 0) return;
    log.info({ links: gone.map(({ name }) => name) }, "Links no longer exist.");
    site.forgetLinks(new Set(gone.map(({ id }) => id))).catch((thrown: unknown) => {
      const { code, message } = asFairleadError(thrown, "state.unwritable");
      log.warn({ code }, `The certificates of deleted links could not be dropped: ${message}`);
    });
  }

  #logChanges(links: readonly LinkReport[]): void {
    for (const { id, name, issuer, state, code } of links) {
      const before = this.#reports.links.find((link) => link.id === id);
      if (before?.state === state && before.code === code) continue;
      const about = { link: name, issuer, code };
      this.#options.log[state === "up" || code === "site.stopped" ? "info" : "warn"](
        about,
        `The link is ${state}.`,
      );
    }
  }
}

/** Whether a link needs a certificate: it is not revoked, and the site holds no valid one. */
function needsCertificate({ id, state, code }: LinkReport, held: ReadonlySet<string>): boolean {
  if (code === "link.revoked") return false;
  return !held.has(id) || (state === "down" && code !== undefined && code.startsWith("certificate."));
}

/** @param site the site that the token admits */
function withoutLink(site: string): FairleadError {
  return new FairleadError(
    "request.invalid",
    `The token admits site ${site} to the network, without a link.`,
    {
      action:
        "Start the connector of that site with it: `fairlead connector run --token FILE`. For a link, create a token with `fairlead token create -o FILE`.",
    },
  );
}

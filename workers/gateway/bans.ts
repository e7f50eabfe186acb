/**
 * Bans: sites whose uplinks a registry refuses for some time, cached in an isolate so that a refusal costs no
 * registry call.
 */
import { decodeJwt } from "jose";

/** Most sites in the table; a full table is emptied. */
const MAX_SITES = 10_000;

/** The bans that this isolate has heard of. */
export class Bans {
  /** End of the ban, ms, by the site's URI. */
  readonly #until = new Map<string, number>();

  /** Notes that a registry refuses a site. @param ms how long */
  note(site: string, now: number, ms: number): void {
    if (this.#until.size >= MAX_SITES) this.#until.clear();
    this.#until.set(site, now + ms);
  }

  /** How long a site is still refused, ms; 0 when it is not. */
  left(site: string, now: number): number {
    const until = this.#until.get(site);
    if (until === undefined) return 0;
    if (until > now) return until - now;
    this.#until.delete(site);
    return 0;
  }
}

/**
 * The URI of the site that an assertion names, unverified, so it may lead to a refusal only. Null when the
 * text is no assertion.
 */
export function claimedSite(assertion: string): string | null {
  try {
    return decodeJwt(assertion).iss ?? null;
  } catch {
    return null;
  }
}

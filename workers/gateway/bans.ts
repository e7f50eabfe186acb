/** Sites whose uplinks their registries refuse for a while, remembered here, so that they cost nothing until then. */
import { decodeJwt } from "jose";

const REMEMBERED = 10_000;

export class Bans {
  /** Until when, ms, by the site's URI. */
  readonly #until = new Map<string, number>();

  /** A registry refused a site for so long, ms. */
  note(site: string, now: number, ms: number): void {
    if (this.#until.size >= REMEMBERED) this.#until.clear();
    this.#until.set(site, now + ms);
  }

  /** How long a site is still refused, ms; 0 for one that is not. */
  left(site: string, now: number): number {
    const until = this.#until.get(site);
    if (until === undefined) return 0;
    if (until > now) return until - now;
    this.#until.delete(site);
    return 0;
  }
}

/**
 * The URI of the site that an assertion claims to be from, unproven: good for a refusal, for nothing else. Null for what
 * is no assertion.
 */
export function claimedSite(assertion: string): string | null {
  try {
    return decodeJwt(assertion).iss ?? null;
  } catch {
    return null;
  }
}

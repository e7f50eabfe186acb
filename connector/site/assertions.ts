/** Signs assertions, which prove inside a request that this process holds the key of its site certificate. */
import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { siteUri } from "../../protocol/names.ts";
import { ASSERTION_SECONDS, audienceFor, type Purpose } from "../../protocol/uplink/assertions.ts";
import type { Membership } from "./membership.ts";
import { pemToBase64 } from "./pem.ts";

/** The signer of one process. The counter in `jti` grows with each assertion of any purpose. */
export class AssertionSigner {
  readonly #boot: string;
  readonly #key: KeyObject;
  readonly #now: () => number;
  #counter = 0;

  /** @param now ms since 1970 */
  constructor(boot: string, key: KeyObject, now: () => number = Date.now) {
    this.#boot = boot;
    this.#key = key;
    this.#now = now;
  }

  async sign(purpose: Purpose, membership: Membership): Promise<string> {
    const seconds = Math.floor(this.#now() / 1000);
    this.#counter += 1;
    return await new SignJWT()
      .setProtectedHeader({ alg: "ES256", x5c: pemToBase64(membership.chain) })
      .setIssuer(siteUri(membership.network.id, membership.site.id))
      .setAudience(audienceFor(membership.edge.audience, purpose))
      .setIssuedAt(seconds)
      .setExpirationTime(seconds + ASSERTION_SECONDS)
      .setJti(`${this.#boot}.${this.#counter}`)
      .sign(this.#key);
  }
}

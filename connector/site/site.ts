/** A site: its key and its membership, loaded, joined and renewed. */

import { FairleadError } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/messages.ts";
import { SiteName } from "../../protocol/names.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { Log } from "../log.ts";
import type { StateDirectory } from "../state/directory.ts";
import { AssertionSigner } from "./assertions.ts";
import { makeCsr } from "./csr.ts";
import { certificateState, decideStart } from "./decisions.ts";
import type { EdgeApi } from "./edge-api.ts";
import { loadOrMakeKey, type SiteKey } from "./key.ts";
import {
  loadMembership,
  type Membership,
  membershipFrom,
  renewed,
  storeCertificates,
  storeMembership,
} from "./membership.ts";

export interface SiteOptions {
  readonly state: StateDirectory;
  readonly boot: string;
  /** Name given with --site; may be left out once the site has joined. */
  readonly site: string | undefined;
  /** Token files; "-" is standard input. */
  readonly tokens: readonly string[];
  readonly api: EdgeApi;
  readonly readToken: (source: string) => Promise<TokenFile>;
  readonly log: Log;
  readonly now?: () => number;
}

export class Site {
  readonly #state: StateDirectory;
  readonly #api: EdgeApi;
  readonly #key: SiteKey;
  readonly #signer: AssertionSigner;
  readonly #now: () => number;
  readonly #log: Log;
  #membership: Membership;
  #renewing: Promise<void> | undefined;

  private constructor(options: SiteOptions, key: SiteKey, membership: Membership) {
    this.#state = options.state;
    this.#api = options.api;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#key = key;
    this.#signer = new AssertionSigner(options.boot, key.key, this.#now);
    this.#membership = membership;
  }

  /**
   * The site of a state directory, joined with the first token if it is no member yet.
   * @throws FairleadError token.*, site.name_taken, certificate.too_old, request.invalid, state.*, edge.*.
   */
  static async start(options: SiteOptions): Promise<Site> {
    if (options.site !== undefined && !SiteName.safeParse(options.site).success) {
      throw new FairleadError(
        "request.invalid",
        `--site: ${SiteName.safeParse(options.site).error?.issues[0]?.message}`,
      );
    }
    const stored = await loadMembership(options.state);
    const decision = decideStart({
      member: stored && { ...stored, site: stored.site.name },
      site: options.site,
      tokens: options.tokens.length,
      now: (options.now ?? Date.now)(),
    });
    if (decision.do === "fail") throw new FairleadError(decision.code, decision.message);
    const key = await loadOrMakeKey(options.state);
    if (decision.do === "join" || stored === null) {
      return new Site(options, key, await join(options, key, options.site ?? stored?.site.name ?? ""));
    }
    if (options.tokens.length > 0) {
      options.log.info(
        { site: stored.site.name, network: stored.network.name },
        "the site has joined already: its tokens are ignored",
      );
    }
    return new Site(options, key, stored);
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** The private key, PEM. */
  get keyPem(): string {
    return this.#key.pem;
  }

  /** An assertion for one request. */
  assert(purpose: "uplink" | "lane"): Promise<string> {
    return this.#signer.sign(purpose, this.#membership);
  }

  /** Takes new certificates into use once they are stored. @throws FairleadError certificate.untrusted, state.*. */
  async adopt(renewal: Renewal): Promise<void> {
    const next = renewed(this.#membership, renewal, (leaf) => leaf.checkPrivateKey(this.#key.key));
    await storeCertificates(this.#state, next);
    this.#membership = next;
    this.#log.info({ expires: new Date(next.notAfter).toISOString() }, "certificates renewed");
  }

  /**
   * Renews over the API when the certificate has ended; otherwise does nothing.
   * @throws FairleadError certificate.too_old, renewal.refused, site.revoked, edge.*, proxy.failed.
   */
  async ensureFresh(): Promise<void> {
    if (certificateState(this.#membership, this.#now()) === "good") return;
    await this.renewOverApi();
  }

  /** Renews over the API, one request at a time. @throws FairleadError as {@link ensureFresh}. */
  async renewOverApi(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { edge, ca } = this.#membership;
    const assertion = await this.#signer.sign("renew", this.#membership);
    await this.adopt(await this.#api.renew(edge.api, ca, assertion));
  }
}

async function join(options: SiteOptions, key: SiteKey, name: string): Promise<Membership> {
  const [source, ...further] = options.tokens;
  if (source === undefined) throw new FairleadError("token.missing");
  const token = await options.readToken(source);
  const csr = await makeCsr(key.key, name);
  const { api, ca, claim } = token.spec;
  const admission = await options.api.redeem(api, ca, { claim, site: name, csr });
  const membership = membershipFrom(admission, api, ca, (leaf) => leaf.checkPrivateKey(key.key));
  await storeMembership(options.state, membership);
  options.log.info({ site: name, network: membership.network.name }, "joined the network");
  if (further.length > 0)
    options.log.info({ tokens: further }, "the first token admitted the site: further tokens are ignored");
  return membership;
}

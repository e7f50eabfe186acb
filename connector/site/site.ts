/** A site: its key, and its membership with all changes to it. */
import type { X509Certificate } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { Redeem } from "../../protocol/api/admission.ts";
import { FairleadError } from "../../protocol/errors.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { LinkReport, Renewal } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";
import { type EdgeTrust, trustedRoots } from "../net/trust.ts";
import type { StateReader, StateStore } from "../state/store.ts";
import { AssertionSigner } from "./assertions.ts";
import { endOf } from "./chain.ts";
import { makeCsr } from "./csr.ts";
import { certificateState, decideStart } from "./decisions.ts";
import type { EdgeApi } from "./edge-api.ts";
import { type EdgeMove, movedTo, type ReachGateway } from "./edge-move.ts";
import { checkNetwork, checkSiteName, checkTokens, freshTokens, join, tokenId } from "./join.ts";
import { KEY_ACTION, KEY_FILE, loadKey, makeKey, type SiteKey } from "./key.ts";
import {
  checkMembership,
  filesOf,
  hasCertificate,
  linkOf,
  loadMembership,
  type Membership,
  missing,
  renamed,
  renewed,
  SITE_FILE,
  type StoredLink,
  storeMembership,
  withAdmission,
  withoutLinks,
  withUsed,
} from "./membership.ts";

export interface SiteOptions {
  readonly state: StateStore;
  readonly boot: string;
  /** Name given with --site. Optional once the site has joined, and for a token that names its site. */
  readonly site: string | undefined;
  /** Token files; "-" is standard input. */
  readonly tokens: readonly string[];
  readonly api: EdgeApi;
  readonly readToken: (source: string) => Promise<TokenFile>;
  readonly log: Log;
  readonly now?: () => number;
}

/** Requested name and cost of a link. The registry chooses what is omitted. */
export type LinkWishes = NonNullable<Redeem["link"]>;

export class Site {
  readonly #state: StateStore;
  readonly #api: EdgeApi;
  readonly #key: SiteKey;
  readonly #signer: AssertionSigner;
  readonly #now: () => number;
  readonly #log: Log;
  #membership: Membership;
  /** The site certificate that came from another connector of this site; null for one of an answer. */
  #sharedChain: string | null = null;
  /** The last change in the queue. Changes run one at a time. */
  #changes: Promise<unknown> = Promise.resolve();
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
   * Loads the site of a state directory. A site that is no member yet joins with the first token. Further
   * tokens are redeemed with {@link redeem}.
   * @throws FairleadError `token.*`, `site.name_taken`, `certificate.too_old`, `request.invalid`, `state.*`,
   * `edge.*`
   */
  static async start(options: SiteOptions): Promise<Site> {
    const { state, site, tokens, log, now = Date.now } = options;
    if (site !== undefined) checkSiteName(site);
    const stored = await loadMembership(state);
    if (stored !== null) await checkTokens(options, stored.network);
    const fresh = await freshTokens(options, stored, now());
    const decision = decideStart({
      member: stored && { ...stored, site: stored.site.name, network: stored.network.name },
      ...{ site, tokens: fresh.length, now: now() },
    });
    if (decision.do === "fail") {
      if (decision.code === "token.missing" && (await hasCertificate(state))) throw lostSiteFile(state);
      throw new FairleadError(decision.code, decision.message, { action: decision.action });
    }
    const key = await openKey(state, stored);
    if (decision.do === "join" || stored === null) {
      return new Site(options, key, await join(options, key, stored, fresh[0] ?? tokens[0]));
    }
    if (site !== undefined && site !== stored.site.name) {
      const about = { site: stored.site.name, given: site };
      log.warn(about, "The site was renamed. Give its new name with --site.");
    }
    return new Site(options, key, stored);
  }

  get membership(): Membership {
    return this.#membership;
  }

  /** The roots for the edge's server certificate. */
  get #trust(): EdgeTrust {
    const { ca, edge } = this.#membership;
    return { ca, tls: edge.tls };
  }

  /** The private key, PEM. */
  get keyPem(): string {
    return this.#key.pem;
  }

  /** Signs an assertion for one request. */
  assert(purpose: "uplink" | "lane" | "telemetry"): Promise<string> {
    return this.#signer.sign(purpose, this.#membership);
  }

  /**
   * Stores new certificates and takes them into use. A link that only `reports`, the registry's report, knows
   * is added.
   * @throws FairleadError `certificate.untrusted`, `state.*`
   */
  async adopt(renewal: Renewal, reports: readonly LinkReport[] = []): Promise<void> {
    const next = await this.#change((membership) =>
      this.#isSuperseded(renewal, membership)
        ? membership
        : renewed(membership, renewal, this.#holds, reports),
    );
    this.#log.info({ expires: new Date(next.notAfter).toISOString() }, "The certificates were renewed.");
  }

  /** Whether this site has redeemed a token. */
  hasRedeemed(token: TokenFile): boolean {
    return this.#membership.redeemed.includes(tokenId(token));
  }

  /**
   * Redeems a further token and stores its link. Returns the link; null for a token without a link.
   * @throws FairleadError `token.*`, `link.*`, `site.revoked`, `certificate.untrusted`, `state.*`, `edge.*`
   */
  async redeem(token: TokenFile, wishes: LinkWishes = {}): Promise<StoredLink | null> {
    const { network, site, edge } = this.#membership;
    checkNetwork(token, network);
    const csr = makeCsr(this.#key.key, site.name);
    const link = Object.keys(wishes).length > 0 ? { link: wishes } : {};
    // Uses the CA and the address of the membership, not those of the file: a member talks to no other edge.
    const request = { claim: token.spec.claim, site: site.name, csr, ...link };
    const admission = await this.#api.redeem(edge.api, trustedRoots(this.#trust), request);
    await this.#change((membership) =>
      withAdmission(membership, admission, { token: tokenId(token), holds: this.#holds }),
    );
    return linkOf(admission);
  }

  /** Drops links that no longer exist. @throws FairleadError `state.*` */
  async forgetLinks(ids: ReadonlySet<string>): Promise<void> {
    await this.#change((membership) => withoutLinks(membership, ids));
  }

  /** Stores a new name of the site. @throws FairleadError `state.*` */
  async rename(name: string): Promise<void> {
    const former = this.#membership.site.name;
    if (former === name) return;
    await this.#change((membership) => renamed(membership, name));
    this.#log.info({ name, former }, "The site was renamed.");
  }

  /**
   * Renews over the API if the certificate has ended.
   * @throws FairleadError `certificate.too_old`, `renewal.refused`, `site.revoked`, `edge.*`, `proxy.failed`
   */
  async ensureFresh(): Promise<void> {
    if (certificateState(this.#membership, this.#now()) === "good") return;
    await this.renewOverApi();
  }

  /** Renews over the API. Concurrent calls share a request. @throws FairleadError as {@link ensureFresh}. */
  async renewOverApi(): Promise<void> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    await this.#renewing;
  }

  async #renewOnce(): Promise<void> {
    const { edge } = this.#membership;
    const assertion = await this.#signer.sign("renew", this.#membership);
    await this.adopt(await this.#api.renew(edge.api, trustedRoots(this.#trust), assertion));
  }

  /**
   * Moves the site to another address of its edge, which proves itself first. Nothing changes if it does not.
   * @throws FairleadError `edge.*`, `assertion.audience`, `certificate.*`, `renewal.refused`, `site.revoked`,
   * `uplink.*`, `proxy.failed`, `state.*`
   */
  async move(to: EdgeMove, reachGateway: ReachGateway): Promise<void> {
    const before = this.#membership;
    const asked = { ...before, edge: { ...before.edge, audience: to.api } };
    const assertion = await this.#signer.sign("renew", asked);
    const renewal = await this.#api.renew(to.api, trustedRoots(this.#trust), assertion);
    const next = movedTo(before, to, renewal, this.#holds);
    const assert = (purpose: "uplink" | "lane") => this.#signer.sign(purpose, next);
    await reachGateway({ membership: next, keyPem: this.keyPem, assert });
    const { edge } = next;
    // Certificates that were renewed meanwhile are newer.
    await this.#change((membership) => (membership === before ? next : { ...membership, edge }));
    const { api, gateway } = edge;
    this.#log.info({ api, gateway, former: before.edge.api }, "The site has another address of its edge.");
  }

  /** Notes that a token is not to be used again. @throws FairleadError `state.*` */
  async noteUsed(token: TokenFile): Promise<void> {
    await this.#change((membership) => withUsed(membership, tokenId(token)));
  }

  /**
   * Takes over what another connector of this site stored. Returns the membership of before.
   * @throws FairleadError `state.*`, also for what is of another site or key
   */
  async reload(): Promise<Membership> {
    const reloaded = this.#changes.then(async () => {
      const before = this.#membership;
      const stored = await loadMembership(this.#state);
      if (stored === null || isDeepStrictEqual(filesOf(stored), filesOf(before))) return before;
      checkMembership(this.#state, stored, this.#holds);
      if (stored.chain !== before.chain) this.#sharedChain = stored.chain;
      this.#membership = stored;
      return before;
    });
    this.#changes = reloaded.catch(() => {});
    return await reloaded;
  }

  /** Whether another connector of this site had its certificates renewed after those of an answer were signed. */
  #isSuperseded({ certificate }: Renewal, { chain, notAfter }: Membership): boolean {
    return chain === this.#sharedChain && endOf(certificate) < notAfter;
  }

  readonly #holds = (leaf: X509Certificate) => leaf.checkPrivateKey(this.#key.key);

  /** Changes the membership once the change is stored. */
  #change(make: (membership: Membership) => Membership): Promise<Membership> {
    const done = this.#changes.then(async () => {
      const before = this.#membership;
      const after = make(before);
      if (after !== before) this.#membership = await storeMembership(this.#state, after, filesOf(before));
      return this.#membership;
    });
    this.#changes = done.catch(() => {});
    return done;
  }
}

/**
 * The key of a site, which is created only where no certificate is stored: its key identifies a site.
 * @throws FairleadError `state.corrupt` when a member's key is missing, or is another site's; `state.*`
 */
async function openKey(state: StateStore, stored: Membership | null): Promise<SiteKey> {
  const key = await loadKey(state);
  if (key !== null) {
    if (stored !== null) checkMembership(state, stored, (leaf) => leaf.checkPrivateKey(key.key));
    return key;
  }
  if (stored === null && !(await hasCertificate(state))) return await makeKey(state);
  if (stored !== null) throw missing(state, KEY_FILE, KEY_ACTION);
  throw state.corrupt(KEY_FILE, "is missing, but the certificate of a site is here", {
    action: KEY_ACTION,
  });
}

/** The error of a state directory with a certificate, but without the file that names the site. */
function lostSiteFile(state: StateReader): FairleadError {
  return state.corrupt(SITE_FILE, "is missing, but the certificate of a site is here", {
    action: `Restore ${SITE_FILE} from a copy of the state directory, or start again with a token of the same network: with its key, it stays the same site.`,
  });
}

/**
 * Moves a site by a new token of its network. A token that names another address of the edge moves the site there, once
 * the edge at that address has proved itself.
 */
import { asFairleadError, type ErrorCode, type FairleadError } from "../../protocol/errors.ts";
import type { TokenFile } from "../../protocol/tokens.ts";
import type { Log } from "../log.ts";
import { successorOf } from "./chain.ts";
import type { ReachGateway } from "./edge-move.ts";
import { networkOf, readableTokens } from "./join.ts";
import type { Site } from "./site.ts";

export interface TokenMovesOptions {
  readonly site: Site;
  /** Token files. */
  readonly tokens: readonly string[];
  readonly readToken: (source: string) => Promise<TokenFile>;
  readonly reachGateway: ReachGateway;
  readonly log: Log;
}

export class TokenMoves {
  readonly #options: TokenMovesOptions;
  #tokens: readonly string[];
  #running: Promise<boolean> | undefined;
  /** The last error for each token, by the address that it names. An error is logged as a warning once. */
  readonly #failed = new Map<string, ErrorCode>();

  constructor(options: TokenMovesOptions) {
    this.#options = options;
    this.#tokens = options.tokens;
  }

  /** Adds token files. */
  add(tokens: readonly string[]): void {
    this.#tokens = [...new Set([...this.#tokens, ...tokens])];
  }

  /**
   * Tries each token that names another address, until the site has moved. Concurrent calls share an attempt. Never
   * rejects.
   * @returns whether the site has moved
   */
  attempt(): Promise<boolean> {
    this.#running ??= this.#attempt().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #attempt(): Promise<boolean> {
    const { readToken } = this.#options;
    for (const token of await readableTokens({ tokens: this.#tokens, readToken })) {
      if (this.#namesAnotherAddress(token) && (await this.#move(token))) return true;
    }
    return false;
  }

  /**
   * Whether a token may move the site: it is of the same network and deployment CA, was not used, and names another
   * address. A token never changes whose certificates prove the edge.
   */
  #namesAnotherAddress(token: TokenFile): boolean {
    const { site } = this.#options;
    const { network, ca, edge } = site.membership;
    const { spec } = token;
    if (networkOf(token) !== network.id || site.hasRedeemed(token)) return false;
    if (spec.tls !== edge.tls || successorOf(ca, spec.ca) === null) return false;
    return spec.api !== edge.api || (spec.links ?? edge.gateway) !== edge.gateway;
  }

  async #move(token: TokenFile): Promise<boolean> {
    const { site, reachGateway } = this.#options;
    const { api, links: gateway } = token.spec;
    try {
      await site.move({ api, gateway }, reachGateway);
      await this.#use(token);
      return true;
    } catch (thrown) {
      this.#report(api, asFairleadError(thrown, "edge.unreachable"));
      return false;
    }
  }

  /** Redeems the token for its link. A token that is refused has moved the site all the same, and is not tried again. */
  async #use(token: TokenFile): Promise<void> {
    const { site, log } = this.#options;
    try {
      await site.redeem(token);
    } catch (thrown) {
      const error = asFairleadError(thrown, "edge.internal");
      if (error.entry.retry) return;
      log.debug({ code: error.code }, `The token created no link: ${error.message}`);
      await site.noteUsed(token);
    }
  }

  #report(api: string, error: FairleadError): void {
    const { code, action } = error;
    const level = this.#failed.get(api) === code ? "debug" : "warn";
    this.#failed.set(api, code);
    const text = `The site keeps its address of the edge, not that of the token: ${error.message}`;
    this.#options.log[level]({ api, code, action }, text);
  }
}

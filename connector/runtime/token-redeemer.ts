/** Redeems the further tokens of the configuration. Each creates a link. */
import type { TokenFile } from "../../protocol/tokens.ts";
import type { Log } from "../log.ts";
import { redeemFurther } from "../site/further-tokens.ts";
import type { LinkBook } from "../site/link-book.ts";
import type { Site } from "../site/site.ts";
import type { Part } from "./part.ts";

export interface TokenRedeemerOptions {
  readonly tokens: readonly string[];
  readonly readToken: (source: string) => Promise<TokenFile>;
  readonly site: Site;
  readonly book: LinkBook;
  /** Resolves once the site knows its links. */
  readonly welcomed: Promise<void>;
  readonly log: Log;
}

export class TokenRedeemer implements Part {
  readonly #options: TokenRedeemerOptions;
  readonly #stop = new AbortController();

  constructor(options: TokenRedeemerOptions) {
    this.#options = options;
  }

  start(): void {
    this.redeem(this.#options.tokens);
  }

  /** Redeems token files after the first welcome. A token that was redeemed before is skipped. */
  redeem(sources: readonly string[]): void {
    const { readToken, site, book, welcomed, log } = this.#options;
    void welcomed.then(() =>
      redeemFurther({
        sources,
        read: readToken,
        redeemed: (token) => site.hasRedeemed(token),
        redeem: (token) => book.create(token),
        log,
        signal: this.#stop.signal,
      }),
    );
  }

  drain(): void {
    this.#stop.abort();
  }

  close(): void {
    this.#stop.abort();
  }
}

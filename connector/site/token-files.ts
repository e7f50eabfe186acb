/** Token files that may be replaced while a connector waits for a better one, as those in a mounted Secret. */
import { readFile } from "node:fs/promises";
import type { TokenFile } from "../../protocol/tokens.ts";
import { sleep } from "../async/sleep.ts";
import { readToken } from "./token.ts";

/** Time between two looks at the files while a connector waits, ms. */
const LOOK_MS = 1000;

export class TokenFiles {
  readonly #stdin: NodeJS.ReadableStream;
  /** Tokens that cannot be read twice, by source. */
  readonly #kept = new Map<string, Promise<TokenFile>>();
  /** The texts of the files as they were read last; null for one that could not be read. */
  readonly #texts = new Map<string, string | null>();

  constructor(stdin: NodeJS.ReadableStream) {
    this.#stdin = stdin;
  }

  /** Reads a token anew. @throws FairleadError `token.malformed`, `file.unreadable` */
  async read(source: string): Promise<TokenFile> {
    if (source === "-") {
      const token = this.#kept.get(source) ?? readToken(source, this.#stdin);
      this.#kept.set(source, token);
      return await token;
    }
    this.#texts.set(source, await textOf(source));
    return await readToken(source, this.#stdin);
  }

  /** Resolves once a file has another text than when it was read last, or the signal aborts. */
  async replaced(signal: AbortSignal): Promise<void> {
    while (await sleep(LOOK_MS, signal)) {
      for (const [source, text] of this.#texts) if ((await textOf(source)) !== text) return;
    }
  }
}

const textOf = (path: string): Promise<string | null> => readFile(path, "utf8").catch(() => null);

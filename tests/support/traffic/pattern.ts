/** Pseudo-random bytes that both ends know, so that the receiver detects every wrong byte. */
import { createCipheriv, createHash } from "node:crypto";

const ZEROS = Buffer.alloc(256 * 1024);

export class Pattern {
  readonly #cipher: ReturnType<typeof createCipheriv>;

  constructor(name: string) {
    this.#cipher = createCipheriv(
      "aes-256-ctr",
      createHash("sha256").update(name).digest(),
      Buffer.alloc(16),
    );
  }

  /** Returns the next bytes, at most 256 KiB. */
  take(length: number): Buffer {
    return this.#cipher.update(ZEROS.subarray(0, length));
  }
}

/** Compares received bytes with a pattern. */
export class Check {
  readonly #pattern: Pattern;
  /** Count of correct bytes. */
  received = 0;

  constructor(name: string) {
    this.#pattern = new Pattern(name);
  }

  /** Whether these are the next bytes of the pattern. */
  take(bytes: Buffer): boolean {
    for (let at = 0; at < bytes.length; at += ZEROS.length) {
      const piece = bytes.subarray(at, at + ZEROS.length);
      if (!this.#pattern.take(piece.length).equals(piece)) return false;
      this.received += piece.length;
    }
    return true;
  }
}

/** A long stream of pseudo-random bytes that is the same in every run. */
import { createCipheriv } from "node:crypto";
import { Readable } from "node:stream";

/** Length and SHA-256 of the download, which the client knows without the server. */
export const DOWNLOAD = {
  bytes: 256 * 1024 * 1024,
  sha256: "87ce2d77e0b6dd1326c473b66de288b27003c21c03a110cdb31323491ab28f44",
} as const;

const CHUNK = Buffer.alloc(256 * 1024);

/** Makes the first `bytes` bytes of the stream: AES-128 in counter mode over zeros, with a key of zeros. */
export function deterministicStream(bytes: number): Readable {
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16), Buffer.alloc(16));
  let left = bytes;
  return new Readable({
    highWaterMark: 2 * CHUNK.length,
    read() {
      const size = Math.min(left, CHUNK.length);
      left -= size;
      this.push(size === 0 ? null : cipher.update(CHUNK.subarray(0, size)));
    },
  });
}

/** The streams that peers have open to services of this site. */
import type { Duplex } from "node:stream";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import type { Peer } from "../config/scope.ts";

export class PeerStreams {
  readonly #open = new Map<Duplex, { readonly service: string; readonly peer: Peer | null }>();

  /** Keeps the stream until it closes. @param peer null where the peer is no site */
  add(stream: Duplex, service: string, peer: Peer | null): void {
    this.#open.set(stream, { service, peer });
    stream.once("close", () => this.#open.delete(stream));
  }

  /** Resets each stream for which `judge` returns a code. Returns the number of streams that were reset, by code. */
  review(judge: (service: string, peer: Peer | null) => ErrorCode | null): ReadonlyMap<ErrorCode, number> {
    const reset = new Map<ErrorCode, number>();
    for (const [stream, { service, peer }] of [...this.#open]) {
      const code = stream.destroyed ? null : judge(service, peer);
      if (code === null) continue;
      stream.destroy(new FairleadError(code));
      reset.set(code, (reset.get(code) ?? 0) + 1);
    }
    return reset;
  }
}

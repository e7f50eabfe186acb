/** Serves a stream that the peer opened. */
import type { Duplex } from "node:stream";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import type { Encryption, Instance } from "../../protocol/uplink/messages.ts";
import { abandon, joinStreams } from "../relay/relay.ts";
import type { Accept } from "./options.ts";
import type { SessionStream } from "./session-stream.ts";

/** Where a stream comes from, and whether this connector takes new ones. */
export interface Origin {
  readonly peer: Instance;
  readonly encryption: Encryption;
  readonly draining: boolean;
}

/** Joins it with its target, or resets it with the reason why not. */
export async function serve(stream: SessionStream, accept: Accept, origin: Origin): Promise<void> {
  const { peer, encryption, draining } = origin;
  const ended = new AbortController();
  const end = (): void => ended.abort();
  stream.on("close", end);
  let target: Duplex;
  try {
    if (draining) throw new FairleadError("service.draining");
    target = await accept(stream, {
      service: stream.service,
      peer,
      encryption,
      hops: stream.hops,
      signal: ended.signal,
    });
  } catch (thrown) {
    stream.destroy(asFairleadError(thrown, "stream.internal"));
    return;
  } finally {
    stream.off("close", end);
  }
  if (stream.destroyed) {
    target.on("error", () => {});
    abandon(target);
    return;
  }
  stream.accept();
  joinStreams(stream, target);
}

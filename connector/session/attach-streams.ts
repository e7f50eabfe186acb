/** Runs the streams of a session on its channel: TLS over the carrier, or with hop encryption the carrier. */
import type { Duplex } from "node:stream";
import { FairleadError } from "../../protocol/errors.ts";
import { LEAST_WINDOW, type MemoryAccount } from "../../protocol/memory-budget.ts";
import type { Hello } from "../../protocol/streams/frames.ts";
import { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import type { SessionLimits } from "./limits.ts";
import { SessionStream } from "./session-stream.ts";
import { tlsError } from "./tls.ts";

export interface AttachOptions {
  /** Id of the session. */
  readonly session: string;
  readonly role: "client" | "server";
  readonly limits: SessionLimits;
  readonly memory: MemoryAccount;
  readonly software: string;
  /** Features that HELLO names. */
  readonly features: readonly string[];
  /** This side's share of the resume key with hop encryption; null where TLS exports the key. */
  readonly share: string | null;
  /** The peer's HELLO arrived. */
  readonly ready: (hello: Hello) => void;
  /** The peer opened a stream. */
  readonly opened: (stream: SessionStream) => void;
  /** The number of open streams changed to zero or from zero. */
  readonly busy: () => void;
  /** The peer accepts no more streams. */
  readonly goaway: () => void;
  readonly ended: (error: FairleadError) => void;
  /** The carrier's failure, which is more specific than the channel's; null while the carrier has none. */
  readonly failure: () => FairleadError | null;
}

/** Creates the multiplexer of a channel. Its HELLO goes out first. */
export function attachStreams(channel: Duplex, options: AttachOptions): Multiplexer {
  const { role, limits, memory, software, features, share, ready, busy, goaway, ended, failure } = options;
  const flush = (): void => streams.flush();
  const streams = new Multiplexer({
    ids: role === "server" ? "even" : "odd",
    window: memory.tight ? Math.min(limits.window, LEAST_WINDOW) : limits.window,
    memory,
    maxStreams: limits.maxStreams,
    software,
    features,
    resumeKey: share ?? undefined,
    effects: {
      send: (chunks) => {
        let more = true;
        channel.cork();
        for (const chunk of chunks) more = channel.write(chunk);
        channel.uncork();
        return more;
      },
      schedule: () => {
        setImmediate(flush);
      },
    },
    events: {
      ready,
      opened: (stream) => {
        const duplex = new SessionStream(options.session).attach(stream);
        options.opened(duplex);
        return duplex;
      },
      busy,
      goaway,
      ended,
    },
  });
  channel.on("data", (chunk: Buffer) => streams.receive(chunk));
  channel.on("drain", () => streams.drained());
  channel.on("error", (error) => streams.lost(failure() ?? tlsError(error)));
  channel.on("end", () => streams.lost(new FairleadError("session.lost", "The peer ended the connection.")));
  channel.on("close", () => streams.lost(failure() ?? new FairleadError("session.lost")));
  return streams;
}

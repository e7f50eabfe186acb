/** Puts the streams of a session on what carries their bytes: TLS over the carrier, or the carrier itself. */
import type { Duplex } from "node:stream";
import { FairleadError } from "../../protocol/errors.ts";
import { LEAST_WINDOW, type MemoryAccount } from "../../protocol/memory-budget.ts";
import type { Hello } from "../../protocol/streams/frames.ts";
import { Multiplexer } from "../../protocol/streams/multiplexer.ts";
import type { SessionLimits } from "./limits.ts";
import { SessionStream } from "./session-stream.ts";
import { connectionError } from "./tls.ts";

export interface MultiplexingOptions {
  readonly role: "client" | "server";
  readonly limits: SessionLimits;
  readonly memory: MemoryAccount;
  readonly software: string;
  /** Our share of the resume key, where there is no TLS that could yield one. */
  readonly share: string | null;
  /** The peer's HELLO came. */
  readonly ready: (hello: Hello) => void;
  /** The peer opened a stream. */
  readonly opened: (stream: SessionStream) => void;
  /** The number of streams changed to or from none. */
  readonly busy: () => void;
  /** The peer wants no more streams. */
  readonly goaway: () => void;
  readonly ended: (error: FairleadError) => void;
  /** Why the carrier failed; that tells more than how the channel saw it. */
  readonly failure: () => FairleadError | null;
}

/** Streams over a channel, beginning with our HELLO. */
export function multiplex(channel: Duplex, options: MultiplexingOptions): Multiplexer {
  const { role, limits, memory, software, share, ready, busy, goaway, ended, failure } = options;
  const flush = (): void => streams.flush();
  const streams = new Multiplexer({
    ids: role === "server" ? "even" : "odd",
    window: memory.tight ? Math.min(limits.window, LEAST_WINDOW) : limits.window,
    memory,
    maxStreams: limits.maxStreams,
    software,
    ...(share === null ? {} : { resumeKey: share }),
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
        const duplex = new SessionStream().attach(stream);
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
  channel.on("error", (error) => streams.lost(failure() ?? connectionError(error)));
  channel.on("end", () => streams.lost(new FairleadError("session.lost", "the peer ended the connection")));
  channel.on("close", () => streams.lost(failure() ?? new FairleadError("session.lost")));
  return streams;
}

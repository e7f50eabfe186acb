/** A relay for tests, and streams without a session. */
import { type Duplex, duplexPair } from "node:stream";
import { type Log, silent } from "../../../connector/log.ts";
import { Relay, type RelayStream } from "../../../connector/relay/relay.ts";
import type { PeerStream, StreamServer } from "../../../connector/targets/stream-server.ts";
import { TargetPool } from "../../../connector/targets/target-pool.ts";
import { TcpStreams } from "../../../connector/targets/tcp-streams.ts";
import type { FairleadError } from "../../../protocol/errors.ts";
import { DEFAULT_KIND } from "../../../protocol/stream-kind.ts";

export function testRelay(log: Log = silent): Relay {
  return new Relay({ network: "network-test", site: "site-test", log });
}

/** The servers of streams to TCP targets. */
export function tcpServers(relay: Relay): ReadonlyMap<string, StreamServer> {
  return new Map([[DEFAULT_KIND, new TcpStreams({ pool: new TargetPool(), relay })]]);
}

let streams = 0;

/** Makes a stream and its other end. A reset reaches the other end as a close before its end. */
export function relayStream(): { stream: RelayStream; far: Duplex } {
  const [near, far] = duplexPair();
  near.on("error", () => {});
  far.on("error", () => {});
  const stream = Object.assign(near, {
    id: ++streams,
    session: "session-test",
    send: (bytes: Uint8Array) => near.write(bytes),
    noteQueued: () => {},
    resetAfterWrites: (error: FairleadError) => void near.destroy(error),
  });
  return { stream, far };
}

/** A stream that a peer opened. `accepted` rejects with the error that the stream is refused with. */
export function peerStream(
  service: string,
  { kind = DEFAULT_KIND, hops = 0, port = null }: { kind?: string; hops?: number; port?: number | null } = {},
): { stream: PeerStream; far: Duplex; accepted: Promise<void> } {
  const { stream, far } = relayStream();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  promise.catch(() => {});
  stream.once("error", reject);
  const opened = Object.assign(stream, {
    service,
    port,
    kind,
    hops,
    accept: () => resolve(),
    sendAccept() {},
  });
  return { stream: opened, far, accepted: promise };
}

/** Serves the streams of one kind that peers open to services of this site. */
import type { DoorAccess } from "../../protocol/hostnames.ts";
import type { Encryption, Instance } from "../../protocol/uplink/messages.ts";
import type { ExposedPort, Exposure } from "../config/service-options.ts";
import type { Flow } from "../relay/flow.ts";
import type { RelayStream } from "../relay/relay.ts";

/** A stream that a peer opened. */
export interface PeerStream extends RelayStream {
  readonly service: string;
  /** The port of the service that the opener requested; null for its first one. */
  readonly port: number | null;
  /** The kind of stream that the opener requested. */
  readonly kind: string;
  /** Number of streams that the client's connection has passed through, as reported by the opener. */
  readonly hops: number;
  /** The W3C trace context that the opener sent. */
  readonly traceparent?: string | null;
  /**
   * Accepts the stream: from here on it can be read and written to.
   *
   * @param isDeferred whether the peer learns it with the first bytes, or by {@link sendAccept}
   */
  accept(isDeferred?: boolean): void;
  /** Tells the peer of the acceptance that was deferred, unless it was told already. */
  sendAccept(): void;
}

/** A peer that is no site: the edge's door of a hostname, which passes on requests of its clients. */
export interface DoorPeer {
  readonly kind: "door";
  readonly hostname: string;
}

/** The origin of a stream, and whether this connector is draining. */
export interface PeerStreamOrigin {
  /** With a door, its id and hostname stand in place of a site's id and name. */
  readonly peer: Instance;
  readonly encryption: Encryption;
  readonly draining: boolean;
  /** Whether the stream is of a listener of this connector itself, which its services are offered to in any case. */
  readonly own?: boolean | undefined;
  /** Set where the peer is a door. */
  readonly door?: DoorPeer | undefined;
}

/** A door by which this site publishes the service. */
export interface PublishedDoor extends DoorPeer {
  /** Who may send requests, by this site's configuration. */
  readonly access: DoorAccess;
}

/** A use of a service that its peer may have. */
export interface StreamUse {
  readonly exposure: Exposure;
  /** The port of the exposure that the stream is for. */
  readonly port: ExposedPort;
  /** With the site's name as the network has it now. */
  readonly peer: Instance;
  readonly encryption: Encryption;
  /** Set where the peer is a door: its requests are not of the site that {@link peer} would name. */
  readonly door?: PublishedDoor | undefined;
  /** The stream's flow. Its end is the server's to report, unless {@link StreamServer.serve} rejects. */
  readonly flow: Flow;
  /** Aborts when the stream closes before {@link StreamServer.serve} has resolved. */
  readonly signal: AbortSignal;
}

export interface StreamServer {
  /**
   * Serves one stream: connects with a target, accepts the stream, and resolves. When it rejects, the stream is reset
   * with the error's code, and its flow ends.
   */
  serve(stream: PeerStream, use: StreamUse): Promise<void>;
}

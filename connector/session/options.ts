/** Options of sessions and of their manager, and the summary of a session. */
import type { WebSocket } from "ws";
import type { FairleadError } from "../../protocol/errors.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import type { MemoryAccount, MemoryBudget } from "../../protocol/memory-budget.ts";
import type { SessionState } from "../../protocol/session/state.ts";
import type { Open } from "../../protocol/streams/frames.ts";
import type { Encryption, Instance, Invitation } from "../../protocol/uplink/messages.ts";
import type { VersionRange } from "../../protocol/versions.ts";
import type { Log } from "../log.ts";
import type { SessionLimits } from "./limits.ts";
import type { SessionStream } from "./session-stream.ts";
import type { SessionIdentity } from "./tls.ts";

export interface SessionOptions {
  invitation: Invitation;
  /** This instance. */
  self: InstanceId;
  identity: SessionIdentity;
  software: string;
  /** Features that HELLO names; those of a session with a connector unless given. */
  features?: readonly string[];
  limits: SessionLimits;
  /** Accounts for the memory that the peer's site makes this process hold. */
  memory: MemoryAccount;
  /** Carrier versions to offer; all supported ones unless given. */
  carrier?: VersionRange;
  /** Dials a lane. An aborted `signal` cancels the dial. */
  dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** Requests lanes of a generation above this one from the registry. Rejects with a FairleadError. */
  resume: (generation: number) => Promise<Invitation>;
  /** The peer opened a stream. */
  opened: (stream: SessionStream) => void;
  /** The session is closed. Called once. */
  ended: (error: FairleadError) => void;
  /** Its lines carry the ids of network, site, session and peer. */
  log: Log;
}

/** A stream to open, beside its service. What is not given is the default of the OPEN. */
export interface StreamRequest extends Omit<Open, "service"> {
  /** The mode of the session; end-to-end unless given. */
  readonly encryption?: Encryption | undefined;
}

/** The messages about sessions between this connector and the registry. */
export interface Signalling {
  /** Requests a session. Rejects with a FairleadError. */
  request(service: string, peer: InstanceId, lanes: number, encryption: Encryption): Promise<Invitation>;
  /** Requests lanes of a generation above the last one that this side used. Rejects with a FairleadError. */
  resume(session: string, generation: number, lanes: number): Promise<Invitation>;
  /** Reports the end of a session. */
  ended(session: string, generation: number, code: string): void;
}

/** The origin of a stream that a peer opened. */
export interface StreamOrigin {
  readonly peer: Instance;
  readonly encryption: Encryption;
  /** Whether this connector is stopping and takes no new streams. */
  readonly draining: boolean;
}

export interface SessionManagerOptions {
  /** Boot id of this process. Together with the site of `identity` it names this instance. */
  boot: string;
  /** The current identity. Read for each session, because certificates are renewed. */
  identity: () => SessionIdentity;
  signalling: Signalling;
  /**
   * Dials a lane with LANE_SOCKET_OPTIONS. Resolves with a socket that is still opening, or that was paused
   * in its "open" event so that no message is lost. Rejects with a FairleadError.
   */
  dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** Accepts or destroys a stream that the peer opened. The stream must not be read before. */
  opened: (stream: SessionStream, origin: StreamOrigin) => void;
  /** Round trip to the edge, ms; null before the first measurement. */
  edgeRoundTrip?: () => number | null;
  /**
   * Whether this connector's own configuration permits hop encryption; false unless given. The registry
   * cannot permit it.
   */
  allowsHop?: () => boolean;
  log: Log;
  /** Name and version for the HELLO to the peer. */
  software?: string;
  limits?: Partial<SessionLimits>;
  /** The memory that other sites may make this process hold; a budget of the default size unless given. */
  memory?: MemoryBudget;
  /** Carrier versions to offer; all supported ones unless given. */
  carrier?: VersionRange;
}

/** A session as `status` shows it. */
export interface SessionSummary {
  session: string;
  generation: number;
  peer: Instance;
  encryption: Encryption;
  state: SessionState;
  /** Features that the peer named in HELLO. */
  peerFeatures: readonly string[];
  streams: number;
  /** Count of joined lanes. */
  lanes: number;
  /** Round trip to the peer, ms; null before the first measurement. */
  rtt: number | null;
  /** Bytes in the carrier's buffers: sent and not acknowledged, and received out of order. */
  held: { readonly out: number; readonly in: number };
  /** ISO 8601. */
  since: string;
}

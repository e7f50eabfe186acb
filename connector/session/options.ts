/** What sessions and their manager are given, and what they show. */
import type { WebSocket } from "ws";
import type { FairleadError } from "../../protocol/errors.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import type { MemoryAccount, MemoryBudget } from "../../protocol/memory-budget.ts";
import type { SessionState } from "../../protocol/session/state.ts";
import type { Encryption, Instance, Invitation } from "../../protocol/uplink/messages.ts";
import type { VersionRange } from "../../protocol/versions.ts";
import type { Log } from "../log.ts";
import type { SessionLimits } from "./limits.ts";
import type { SessionStream } from "./session-stream.ts";
import type { SessionIdentity } from "./tls.ts";

export interface SessionOptions {
  invitation: Invitation;
  /** Our own instance. */
  self: InstanceId;
  identity: SessionIdentity;
  software: string;
  limits: SessionLimits;
  /** Counts what the peer's site makes this process hold. */
  memory: MemoryAccount;
  /** Carrier versions to speak; all that there are unless given. */
  carrier?: VersionRange;
  dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** Asks the registry for lanes of a higher generation than this. */
  resume: (generation: number) => Promise<Invitation>;
  /** The peer opened a stream. */
  opened: (stream: SessionStream) => void;
  /** The session is closed; called once. */
  ended: (error: FairleadError) => void;
  log: Log;
}

/** What sessions ask the registry and tell it. */
export interface Signalling {
  /** Asks the registry for a session. Rejects with a FairleadError. */
  request(service: string, peer: InstanceId, lanes: number, encryption: Encryption): Promise<Invitation>;
  /** Asks for lanes of a higher generation than the last that this side used. Rejects with a FairleadError. */
  resume(session: string, generation: number, lanes: number): Promise<Invitation>;
  /** Tells the registry that a session is over. */
  ended(session: string, generation: number, code: string): void;
}

/** Where a stream of a peer comes from. */
export interface StreamOrigin {
  readonly peer: Instance;
  readonly encryption: Encryption;
  /** Whether this connector is stopping and takes no new streams. */
  readonly draining: boolean;
}

export interface SessionManagerOptions {
  /** This process's boot id; with the site of `identity`, our instance. */
  boot: string;
  /** Asked for each session, as certificates are renewed. */
  identity: () => SessionIdentity;
  signalling: Signalling;
  /**
   * Dials a lane with LANE_SOCKET_OPTIONS. The socket is still opening, or was paused in its "open" event so that
   * no message is lost before it gets here. Rejects with a FairleadError.
   */
  dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  /** The peer opened a stream, which is to be accepted or destroyed. Nothing may be read from it before. */
  opened: (stream: SessionStream, origin: StreamOrigin) => void;
  /** The round trip to the edge, ms; null while it is not known. */
  edgeRoundTrip?: () => number | null;
  /**
   * Whether this connector's own configuration has any use for hop encryption. What the registry says is no
   * permission; nobody's unless given.
   */
  allowsHop?: () => boolean;
  log: Log;
  /** Name and version, told to the peer. */
  software?: string;
  limits?: Partial<SessionLimits>;
  /** What other sites may make this process hold; that of a process that is told nothing unless given. */
  memory?: MemoryBudget;
  /** Carrier versions to speak; all that there are unless given. */
  carrier?: VersionRange;
}

/** A session as `status` shows it. */
export interface SessionSummary {
  session: string;
  generation: number;
  peer: Instance;
  encryption: Encryption;
  state: SessionState;
  streams: number;
  /** Lanes joined now. */
  lanes: number;
  /** Round trip to the peer, ms; null while it is not known. */
  rtt: number | null;
  /** Bytes that the carrier keeps: for the peer until acknowledged, of the peer for want of earlier ones. */
  held: { readonly out: number; readonly in: number };
  /** ISO 8601. */
  since: string;
}

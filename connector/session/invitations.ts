/** What to make of an invitation. Decisions only. */
import type { ErrorCode } from "../../protocol/errors.ts";
import { type InstanceId, isSameInstance } from "../../protocol/instance-id.ts";
import { DEFAULT_ENCRYPTION, type Encryption, type Invitation } from "../../protocol/uplink/messages.ts";

export const modeOf = (invitation: Invitation): Encryption => invitation.encryption ?? DEFAULT_ENCRYPTION;

/** How this connector stands. */
export interface Host {
  readonly self: InstanceId;
  readonly closing: boolean;
  readonly draining: boolean;
  /** Its own configuration has a use for hop encryption. */
  readonly allowsHop: boolean;
}

/** The session that the invitation names, if it is here. */
export interface HeldSession {
  readonly peer: InstanceId;
  readonly generation: number;
  readonly encryption: Encryption;
  /** Lanes of a higher generation can go on with it. */
  readonly resumable: boolean;
}

export type Decision =
  /** A new session begins. */
  | { readonly what: "begin" }
  /** New lanes for the session that is here. */
  | { readonly what: "resume" }
  /** A grant and an offer of the same generation are one thing: both sides asked at once. */
  | { readonly what: "known" }
  /** Not to be taken, and nobody is told. */
  | { readonly what: "ignore"; readonly code: ErrorCode; readonly why: string }
  /** No part is taken in that session, and the registry is told; `replaced`: what is here of it ends. */
  | {
      readonly what: "refuse";
      readonly code: ErrorCode;
      readonly why: string;
      readonly replaced?: true;
    };

export function decide(invitation: Invitation, held: HeldSession | undefined, host: Host): Decision {
  const { generation, peer, tickets } = invitation;
  const encryption = modeOf(invitation);
  if (host.closing) return ignore("session.closed", "the connector is stopping");
  if (isSameInstance(peer, host.self)) return ignore("session.wrong_peer", "an invitation to ourselves");
  if (held !== undefined && !isSameInstance(held.peer, peer)) {
    return ignore("session.wrong_peer", "an invitation to a session with another instance");
  }
  if (held !== undefined && held.encryption !== encryption) {
    return ignore("session.forbidden", "an invitation that changes the mode of a session");
  }
  if (encryption === "hop" && !host.allowsHop) {
    return { what: "refuse", code: "session.forbidden", why: "hop encryption is not allowed here" };
  }
  if (held !== undefined && held.generation >= generation) return { what: "known" };
  if (held?.resumable) return { what: "resume" };
  if (generation > 1 && tickets !== undefined) {
    const why = "an invitation to new lanes of a session that has ended here";
    return { what: "refuse", code: "session.unknown", why, replaced: true };
  }
  // The peer's client waits for it: it hears at once, and goes to another instance.
  if (host.draining) return { what: "refuse", code: "session.unknown", why: "the connector is stopping" };
  return { what: "begin" };
}

function ignore(code: ErrorCode, why: string): Decision {
  return { what: "ignore", code, why };
}

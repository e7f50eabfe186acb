/** Decides what a connector does with an invitation to a session (docs/protocol.md, "Coming together"). */
import type { ErrorCode } from "../errors.ts";
import { type InstanceId, isSameInstance } from "../instance-id.ts";
import { DEFAULT_ENCRYPTION, type Encryption, type Invitation } from "../uplink/messages.ts";

/** The encryption mode of an invitation; end-to-end unless it names one. */
export const encryptionOf = (invitation: Invitation): Encryption =>
  invitation.encryption ?? DEFAULT_ENCRYPTION;

/** The state of the invited connector. */
export interface InvitedHost {
  /** The connector's own instance. */
  readonly self: InstanceId;
  /** The connector closes all sessions. */
  readonly closing: boolean;
  /** The connector is stopping and opens no sessions. */
  readonly draining: boolean;
  /** The connector's own configuration permits hop encryption. */
  readonly allowsHop: boolean;
}

/** The session that the invitation names, as this connector holds it. */
export interface HeldSession {
  readonly peer: InstanceId;
  readonly generation: number;
  readonly encryption: Encryption;
  /** Whether lanes of a higher generation can continue the session. */
  readonly resumable: boolean;
}

/** What a connector does with an invitation. */
export type InvitationDecision =
  /** Begin a new session. */
  | { readonly what: "begin" }
  /** Dial new lanes for the held session. */
  | { readonly what: "resume" }
  /**
   * Keep the held session: both sides asked at once, and a grant and an offer of one generation are the same.
   */
  | { readonly what: "known" }
  /** Drop the invitation without a report. */
  | { readonly what: "ignore"; readonly code: ErrorCode; readonly why: string }
  /** Refuse and report to the registry; with `replaced`, close the held session. */
  | {
      readonly what: "refuse";
      readonly code: ErrorCode;
      readonly why: string;
      readonly replaced?: true;
    };

/** Decides about an invitation; `held` is the session of the same id, if this connector has it. */
export function decideInvitation(
  invitation: Invitation,
  held: HeldSession | undefined,
  host: InvitedHost,
): InvitationDecision {
  const { generation, peer, tickets } = invitation;
  const encryption = encryptionOf(invitation);
  if (host.closing) return ignore("session.closed", "The connector is stopping.");
  if (isSameInstance(peer, host.self))
    return ignore("session.wrong_peer", "The invitation names this instance as its peer.");
  if (held !== undefined && !isSameInstance(held.peer, peer)) {
    return ignore("session.wrong_peer", "The invitation names another peer than the session.");
  }
  if (held !== undefined && held.encryption !== encryption) {
    return ignore("session.forbidden", "The invitation changes the encryption mode of the session.");
  }
  if (encryption === "hop" && !host.allowsHop) {
    return {
      what: "refuse",
      code: "session.forbidden",
      why: "This connector does not allow hop encryption.",
    };
  }
  if (held !== undefined && held.generation >= generation) return { what: "known" };
  if (held?.resumable) return { what: "resume" };
  if (generation > 1 && tickets !== undefined) {
    const why = "The session of the invitation has ended here.";
    return { what: "refuse", code: "session.unknown", why, replaced: true };
  }
  // Refusing at once lets the peer's waiting client try another instance.
  if (host.draining) return { what: "refuse", code: "session.unknown", why: "The connector is stopping." };
  return { what: "begin" };
}

function ignore(code: ErrorCode, why: string): InvitationDecision {
  return { what: "ignore", code, why };
}

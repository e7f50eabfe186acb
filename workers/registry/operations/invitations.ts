/** Invitations to sessions: everything an instance needs to dial the lanes of the present generation. */
import { FairleadError, isErrorCode } from "../../../protocol/errors.ts";
import { type InstanceId, isSameInstance } from "../../../protocol/instance-id.ts";
import { pathRoundTrip, timeLimit } from "../../../protocol/time-limits.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { issueTicket } from "../../authority/ticket.ts";
import type { Context } from "../context/context.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import type { SessionRow } from "../store/store.ts";

/** Whether the instance is one of the two instances of a session. */
export function isPartyOf({ a, b }: SessionRow, instance: InstanceId): boolean {
  return isSameInstance(a, instance) || isSameInstance(b, instance);
}

/** The other instance of a session. */
export function peerOf({ a, b }: SessionRow, instance: InstanceId): InstanceId {
  return isSameInstance(a, instance) ? b : a;
}

/** The error for a session that this instance does not have. */
export function endErrorOf(context: Context, session: string, instance: InstanceId): FairleadError {
  const code = context.store.cuts.codeOf(session, instance);
  return new FairleadError(code !== null && isErrorCode(code) ? code : "session.unknown");
}

/**
 * Answers an instance's request with its invitation. @throws FairleadError with the reason if the session has
 * ended
 */
export async function sendGrant(context: Context, session: string, to: Uplink, id: number): Promise<void> {
  const invitation = await createInvitation(context, session, to.attachment);
  context.uplinks.send(to, { type: "session.grant", id, invitation });
}

/** Offers a session to one of its instances. Sends nothing if it has no uplink or the session has ended. */
export async function sendOffer(context: Context, session: string, to: InstanceId): Promise<void> {
  let invitation: Invitation;
  try {
    invitation = await createInvitation(context, session, to);
  } catch (thrown) {
    if (thrown instanceof FairleadError) return;
    throw thrown;
  }
  // Looked up after the await: the instance may have replaced its uplink meanwhile.
  const uplink = context.uplinks.newestOf(to);
  if (uplink) context.uplinks.send(uplink, { type: "session.offer", invitation });
}

/**
 * Creates the invitation of one side for the present generation. Retries if the session ends or is resumed
 * while tickets are signed.
 */
async function createInvitation(context: Context, id: string, to: InstanceId): Promise<Invitation> {
  const { store, settings } = context;
  for (;;) {
    const session = store.sessions.get(id);
    const network = store.network.get();
    const peer = session && peerOf(session, to);
    const peerSite = peer && store.sites.get(peer.site);
    if (!session || !network || !peerSite) throw endErrorOf(context, id, to);
    const { generation, encryption } = session;
    const side = isSameInstance(to, session.a) ? "a" : "b";
    const rtt = roundTripOf(context, peer);
    const path = pathRoundTrip(roundTripOf(context, to), rtt);
    const claims = {
      network: network.id,
      session: id,
      generation,
      site: to.site,
      boot: to.boot,
      peer: peer.site,
      side,
      expires: Math.ceil(context.now() + timeLimit("ticket", path)),
      meetMs: Math.ceil(timeLimit("meeting", path)),
    } as const;
    const lanes = Array.from({ length: session.lanes }, (_, lane) => lane);
    const tickets = await Promise.all(
      lanes.map((lane) => issueTicket({ ...claims, lane }, settings.deploymentCaKey)),
    );
    const [ticket] = tickets;
    if (ticket === undefined) throw new FairleadError("edge.internal", `Session ${id} has no lanes.`);
    if (store.sessions.get(id)?.generation !== generation) continue;
    return {
      session: id,
      generation,
      lane: 0,
      peer: { site: peerSite.id, siteName: peerSite.name, boot: peer.boot },
      encryption,
      ticket,
      tickets,
      lanes: tickets.length,
      ...(rtt === null ? {} : { rtt }),
    };
  }
}

/** The instance's reported round trip to the edge, ms; null if it has not reported one. */
export function roundTripOf({ uplinks }: Context, instance: InstanceId): number | null {
  return uplinks.newestOf(instance)?.attachment.rtt ?? null;
}

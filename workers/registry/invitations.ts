/** Invitations to sessions: what each of two instances needs to dial the lanes of a session's present generation. */
import { FairleadError, isErrorCode } from "../../protocol/errors.ts";
import type { Invitation } from "../../protocol/messages.ts";
import { issueTicket, TICKET_MS } from "../authority/tickets.ts";
import type { Context } from "./context.ts";
import type { SessionRow } from "./store/store.ts";
import type { Uplink } from "./uplinks.ts";

/** The other instance of a session, as seen from `boot`. */
export function peerOf(session: SessionRow, boot: string): { site: string; boot: string } {
  return session.bootA === boot
    ? { site: session.siteB, boot: session.bootB }
    : { site: session.siteA, boot: session.bootA };
}

/** Why there is no such session. */
export function endOf(context: Context, session: string): FairleadError {
  const code = context.store.cuts.codeOf(session);
  return new FairleadError(code !== null && isErrorCode(code) ? code : "session.unknown");
}

/** Answers an instance's request with its invitation. @throws FairleadError why the session is over by now */
export async function grant(context: Context, session: string, to: Uplink, id: number): Promise<void> {
  const invitation = await invite(context, session, to.attachment.boot);
  context.uplinks.send(to, { type: "session.grant", id, invitation });
}

/** Offers a session to one of its instances; without an uplink, or when it is over by now, nothing is sent. */
export async function offer(context: Context, session: string, boot: string): Promise<void> {
  let invitation: Invitation;
  try {
    invitation = await invite(context, session, boot);
  } catch (thrown) {
    if (thrown instanceof FairleadError) return;
    throw thrown;
  }
  // Looked up now: the instance may have replaced its uplink meanwhile.
  const uplink = context.uplinks.instance(boot);
  if (uplink) context.uplinks.send(uplink, { type: "session.offer", invitation });
}

/**
 * One side's invitation, for the generation that holds when its tickets are made: others may end or resume the
 * session meanwhile.
 */
async function invite(context: Context, id: string, boot: string): Promise<Invitation> {
  const { store, env } = context;
  for (;;) {
    const session = store.sessions.get(id);
    const network = store.network.get();
    const peer = session && peerOf(session, boot);
    const peerSite = peer && store.sites.get(peer.site);
    if (!session || !network || !peerSite) throw endOf(context, id);
    const { generation, encryption } = session;
    const side = boot === session.bootA ? "a" : "b";
    const claims = {
      network: network.id,
      session: id,
      generation,
      site: side === "a" ? session.siteA : session.siteB,
      boot,
      peer: peer.site,
      side,
      expires: context.now() + TICKET_MS,
    } as const;
    const lanes = Array.from({ length: session.lanes }, (_, lane) => lane);
    const tickets = await Promise.all(
      lanes.map((lane) => issueTicket({ ...claims, lane }, env.DEPLOYMENT_CA_KEY)),
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
    };
  }
}

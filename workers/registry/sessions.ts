/** Brings two instances together: checks that they may talk, serialises their requests, issues tickets. */
import type { ErrorCode } from "../../protocol/errors.ts";
import { FairleadError, isErrorCode } from "../../protocol/errors.ts";
import type { ConnectorMessage, Instance, Invitation } from "../../protocol/messages.ts";
import { issueTicket, TICKET_MS } from "../authority/tickets.ts";
import type { Attachment } from "./attachment.ts";
import type { Context } from "./context.ts";
import { decideSession } from "./decisions.ts";
import { hangUp } from "./parting.ts";
import type { SessionRow, SiteRow } from "./store/store.ts";
import type { Uplink } from "./uplinks.ts";

type SessionRequest = Extract<ConnectorMessage, { type: "session.request" }>;
type SessionEnded = Extract<ConnectorMessage, { type: "session.ended" }>;

/** Ends of a session that somebody should look into. */
const SUSPICIOUS: ReadonlySet<string> = new Set<ErrorCode>([
  "session.tampered",
  "session.untrusted",
  "session.wrong_peer",
  "session.malformed",
  "session.too_large",
  "session.out_of_order",
  "session.credit",
]);

interface Side {
  readonly uplink: Uplink;
  readonly site: SiteRow;
}

/** Answers a `session.request`: a grant for the requester and, for a new session, an offer to the peer. */
export async function requestSession(context: Context, from: Uplink, request: SessionRequest): Promise<void> {
  const { store, uplinks } = context;
  const requester = sideOf(context, from);
  const peer = findPeer(context, requester, request);
  const now = context.now();

  const lower = requester.uplink.attachment.boot < peer.uplink.attachment.boot;
  const [a, b] = lower ? [requester, peer] : [peer, requester];
  const existing = store.sessions.between(a.uplink.attachment.boot, b.uplink.attachment.boot);
  const decision = decideSession(existing, now);
  const session: SessionRow =
    decision === "join" && existing
      ? existing
      : {
          bootA: a.uplink.attachment.boot,
          bootB: b.uplink.attachment.boot,
          siteA: a.site.id,
          siteB: b.site.id,
          id: context.newId("session"),
          generation: 1,
          grantedAt: now,
        };
  if (session !== existing) {
    store.sessions.put(session);
    store.pairs.note(session.siteA, session.siteB);
  }

  const forRequester = await invite(context, session, requester, peer, now);
  uplinks.send(from, { type: "session.grant", id: request.id, invitation: forRequester });
  if (session !== existing) {
    uplinks.send(peer.uplink, {
      type: "session.offer",
      invitation: await invite(context, session, peer, requester, now),
    });
  }
}

function sideOf(context: Context, uplink: Uplink): Side {
  const site = context.store.sites.get(uplink.attachment.site);
  if (!site || site.state === "revoked") throw new FairleadError("site.revoked");
  return { uplink, site };
}

function findPeer(context: Context, requester: Side, request: SessionRequest): Side {
  const { store, uplinks } = context;
  const wanted = request.peer;
  if (wanted.site === requester.site.id) {
    throw new FairleadError("session.forbidden", "A site has no session with itself.");
  }
  const site = store.sites.get(wanted.site);
  if (!site || site.state === "revoked" || !context.reachability().canReach(requester.site.id, site.id)) {
    throw new FairleadError("session.forbidden");
  }
  const offered = store.offers
    .all()
    .some(
      (offer) =>
        offer.service === request.service &&
        offer.instance.boot === wanted.boot &&
        offer.instance.site === wanted.site,
    );
  if (!offered)
    throw new FairleadError("service.unknown", `Site ${site.name} does not offer ${request.service}.`);
  const uplink = uplinks.instance(wanted.boot);
  if (!uplink || uplink.attachment.site !== site.id) {
    throw new FairleadError("session.peer_offline", `Site ${site.name} has no uplink at the moment.`);
  }
  if (!uplinks.alive(uplink, context.now())) {
    hangUp(context, uplink, "uplink.lost");
    throw new FairleadError("session.peer_offline", `Site ${site.name} has gone silent.`);
  }
  return { uplink, site };
}

async function invite(
  context: Context,
  session: SessionRow,
  to: Side,
  peer: Side,
  now: number,
): Promise<Invitation> {
  const network = context.store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  const { boot } = to.uplink.attachment;
  const ticket = await issueTicket(
    {
      network: network.id,
      session: session.id,
      generation: session.generation,
      lane: 0,
      site: to.site.id,
      boot,
      peer: peer.site.id,
      side: boot === session.bootA ? "a" : "b",
      expires: now + TICKET_MS,
    },
    context.env.DEPLOYMENT_CA_KEY,
  );
  const instance: Instance = {
    site: peer.site.id,
    siteName: peer.site.name,
    boot: peer.uplink.attachment.boot,
  };
  return { session: session.id, generation: session.generation, lane: 0, peer: instance, ticket };
}

/** Forgets a session that one of its own two instances reports as ended. */
export function endSession(context: Context, from: Attachment, report: SessionEnded): void {
  const session = context.store.sessions.get(report.session);
  if (session && (session.bootA === from.boot || session.bootB === from.boot)) {
    context.store.sessions.delete(session.id, report.generation);
  }
  if (SUSPICIOUS.has(report.code)) {
    const site = context.store.sites.get(from.site)?.name;
    const code = isErrorCode(report.code) ? report.code : undefined;
    context.event("session.ended", `Site ${site ?? "?"} ended a session: ${report.code}.`, {
      site,
      code,
      actor: site ?? "edge",
    });
  }
}

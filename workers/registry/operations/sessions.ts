/** Brings two instances together, the first time and again: checks that they may talk, serialises their requests. */
import type { ErrorCode } from "../../../protocol/errors.ts";
import { FairleadError, isErrorCode } from "../../../protocol/errors.ts";
import { compareInstances, type InstanceId } from "../../../protocol/instance-id.ts";
import { siteMatches } from "../../../protocol/names.ts";
import { pathRoundTrip, timeLimit } from "../../../protocol/time-limits.ts";
import {
  type ConnectorMessage,
  DEFAULT_ENCRYPTION,
  type Encryption,
  MAX_LANES,
} from "../../../protocol/uplink/messages.ts";
import type { Context } from "../context/context.ts";
import { decideResume, decideSession } from "../policy/sessions.ts";
import { type Attachment, presentSince } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";
import type { SessionRow, SiteRow } from "../store/store.ts";
import { cutSession } from "./cut-sessions.ts";
import { closeUplink } from "./disconnect.ts";
import { endErrorOf, isPartyOf, peerOf, roundTripOf, sendGrant, sendOffer } from "./invitations.ts";
import { checkQuota } from "./quotas.ts";

type SessionRequest = Extract<ConnectorMessage, { type: "session.request" }>;
type SessionResume = Extract<ConnectorMessage, { type: "session.resume" }>;
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

/** Ends before a session's lanes met, of which its peer hears nothing unless it is told. */
const FORWARDED_ENDS: ReadonlySet<string> = new Set<ErrorCode>(["session.unknown", "session.forbidden"]);

/** Answers a `session.request`: a grant for the requester and, for a new session, an offer to the peer. */
export async function requestSession(context: Context, from: Uplink, request: SessionRequest): Promise<void> {
  const { store } = context;
  const { site, boot } = from.attachment;
  const self = { site, boot };
  const { peer, encryption = DEFAULT_ENCRYPTION, lanes = 1 } = request;
  const peerSite = peerSiteOf(context, site, peer.site);
  checkOffer(context, request, { from: site, to: peerSite, encryption });
  checkUplink(context, peerSite, peer);

  const now = context.now();
  const [a, b] = compareInstances(self, peer) < 0 ? [self, peer] : [peer, self];
  const existing = store.sessions.between(a, b, encryption);
  if (existing && decideSession(existing, now, pendingMs(context, self, peer)) === "join") {
    return sendGrant(context, existing.id, from, request.id);
  }
  if (!existing) checkQuota(context, "sessions");
  const session: SessionRow = {
    a,
    b,
    encryption,
    id: context.newId("session"),
    generation: 1,
    lanes: Math.min(lanes, MAX_LANES),
    grantedAt: now,
    awaySince: null,
  };
  return startGeneration(context, session, from, request.id);
}

/**
 * Answers a `session.resume`: a grant of a generation that this side has not used, which the peer is offered too
 * unless it asked for it itself.
 * @throws FairleadError `session.unknown` when the session is over: one of its processes ended it, said goodbye or
 * has a successor; the code it was cut with; `session.peer_gone` when its peer's process has ended;
 * `session.peer_offline` while the peer may still come back
 */
export async function resumeSession(context: Context, from: Uplink, request: SessionResume): Promise<void> {
  const { store } = context;
  const { attachment: self } = from;
  const found = store.sessions.get(request.session);
  const existing = found && isPartyOf(found, self) ? found : null;
  const now = context.now();
  const wait = existing === null ? undefined : pendingMs(context, self, peerOf(existing, self));
  const decision = decideResume(existing, request.generation, now, wait);
  if (existing === null || decision.kind === "unknown") throw endErrorOf(context, request.session, self);

  const peer = peerOf(existing, self);
  checkDeparture(context, from, existing);
  checkUplink(context, peerSiteOf(context, self.site, peer.site), peer);
  if (decision.kind === "join") return sendGrant(context, existing.id, from, request.id);
  const session: SessionRow = {
    ...existing,
    generation: decision.generation,
    // Either side may want more lanes; one that wants fewer does not take the other's away.
    lanes: Math.min(Math.max(request.lanes ?? 1, existing.lanes), MAX_LANES),
    grantedAt: now,
    awaySince: null,
  };
  return startGeneration(context, session, from, request.id);
}

/** How long a generation of a session of these two may be coming together, ms. */
function pendingMs(context: Context, left: InstanceId, right: InstanceId): number {
  return timeLimit("pending", pathRoundTrip(roundTripOf(context, left), roundTripOf(context, right)));
}

/** Stores a new session or generation and invites both sides: the one that asked first. */
async function startGeneration(
  context: Context,
  session: SessionRow,
  from: Uplink,
  id: number,
): Promise<void> {
  const { store } = context;
  store.transaction(() => {
    store.sessions.put(session);
    store.pairs.note(session.a.site, session.b.site);
  });
  await sendGrant(context, session.id, from, id);
  await sendOffer(context, session.id, peerOf(session, from.attachment));
}

/** The site of a peer, when the two may talk. @throws FairleadError `session.forbidden` */
function peerSiteOf(context: Context, site: string, peer: string): SiteRow {
  if (peer === site) throw new FairleadError("session.forbidden", "A site has no session with itself.");
  const row = context.store.sites.get(peer);
  if (!row || row.state === "revoked" || !context.linkGraph().canReach(site, row.id)) {
    throw new FairleadError("session.forbidden");
  }
  return row;
}

/**
 * Whether the wanted instance offers the service, to the site that asks, and in that mode.
 * @throws FairleadError `service.unknown`, `service.not_exported`, `session.forbidden`
 */
function checkOffer(
  { store }: Context,
  { service, peer }: SessionRequest,
  { from, to, encryption }: { from: string; to: SiteRow; encryption: Encryption },
): void {
  const offered = store.offers.find(peer, service);
  if (!offered) throw new FairleadError("service.unknown", `Site ${to.name} does not offer ${service}.`);
  if (!siteMatches({ id: from, name: store.sites.get(from)?.name ?? "" }, offered.to)) {
    throw new FairleadError(
      "service.not_exported",
      `Site ${to.name} does not export ${service} to this site.`,
    );
  }
  if (encryption === "hop" && offered.encryption !== "hop") {
    throw new FairleadError(
      "session.forbidden",
      `Site ${to.name} offers ${service} with end-to-end encryption only.`,
    );
  }
}

/**
 * Whether the peer of a process that lost its lanes ended without a word: its uplink closed, and it did not come back
 * within its grace. The end of the grace is looked at by itself: who asks is told no later.
 * @throws FairleadError `session.peer_gone`; the session is over with it
 */
function checkDeparture(context: Context, from: Uplink, session: SessionRow): void {
  const peer = peerOf(session, from.attachment);
  if (context.uplinks.newestOf(peer) !== null) return;
  const left = context.store.departures.graceLeft(peer, presentSince(from.attachment), context.now());
  if (left === null) return;
  if (left === 0) {
    cutSession(context, session, "session.peer_gone");
    throw new FairleadError("session.peer_gone");
  }
  // A moment later: the timer may be early by the fraction that the clock leaves out.
  context.absentPeers.watch(session.id, left + 10, () => {
    const still = context.store.sessions.get(session.id);
    if (still === null || context.uplinks.newestOf(peer) !== null) return;
    if (context.store.departures.graceLeft(peer, presentSince(from.attachment), context.now()) === 0) {
      cutSession(context, still, "session.peer_gone");
    }
  });
}

/** Whether an instance has a live uplink. @throws FairleadError `session.peer_offline` */
function checkUplink(context: Context, site: SiteRow, instance: InstanceId): void {
  const uplink = context.uplinks.newestOf(instance);
  if (!uplink) {
    throw new FairleadError("session.peer_offline", `Site ${site.name} has no uplink at the moment.`);
  }
  if (!context.uplinks.isAlive(uplink, context.now())) {
    closeUplink(context, uplink, "uplink.lost");
    throw new FairleadError("session.peer_offline", `Site ${site.name} has gone silent.`);
  }
}

/**
 * Forgets a session that one of its own two instances reports as ended. When that instance says that it never knew
 * it, knows it no more or does not allow it, its peer is told: it would wait in vain.
 */
export function endSession(context: Context, from: Attachment, report: SessionEnded): void {
  const { store, uplinks } = context;
  const session = store.sessions.get(report.session);
  const own = session && isPartyOf(session, from);
  if (own && session.generation === report.generation) {
    store.sessions.delete(session.id);
    const peer = uplinks.newestOf(peerOf(session, from));
    if (peer && FORWARDED_ENDS.has(report.code)) {
      uplinks.send(peer, { type: "session.cut", session: session.id, code: report.code });
    }
  }
  // Of a session of others it says nothing that anybody should read.
  if (own && SUSPICIOUS.has(report.code)) {
    const site = store.sites.get(from.site)?.name;
    const code = isErrorCode(report.code) ? report.code : undefined;
    context.event("session.ended", `Site ${site ?? "?"} ended a session: ${report.code}.`, {
      site,
      code,
      actor: site ?? "edge",
      owner: from.site,
    });
  }
}

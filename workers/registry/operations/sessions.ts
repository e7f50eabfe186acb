/**
 * Grants of sessions between two instances: checks access, creates or resumes the session, invites both
 * sides.
 */
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

/** End codes that are recorded as events, since they suggest tampering or a defect. */
const SUSPICIOUS: ReadonlySet<string> = new Set<ErrorCode>([
  "session.tampered",
  "session.untrusted",
  "session.wrong_peer",
  "session.malformed",
  "session.too_large",
  "session.out_of_order",
  "session.credit",
]);

/** End codes from before the lanes met. The peer learns of such an end only if the registry forwards it. */
const FORWARDED_ENDS: ReadonlySet<string> = new Set<ErrorCode>(["session.unknown", "session.forbidden"]);

/** Answers `session.request`: a grant for the requester and, for a new session, an offer to the peer. */
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
 * Answers `session.resume`: a grant of a generation that this side has not used. The peer is offered the same
 * generation unless it asked for it itself.
 * @throws FairleadError `session.unknown` if the session has ended: a process ended it, said `bye`, or was
 * replaced
 * @throws FairleadError with the code of its cut if the session was cut
 * @throws FairleadError `session.peer_gone` if the peer's process has ended; `session.peer_offline` while the
 * peer may still return
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
    // A side may add lanes. A side that asks for fewer does not remove the other's.
    lanes: Math.min(Math.max(request.lanes ?? 1, existing.lanes), MAX_LANES),
    grantedAt: now,
    awaySince: null,
  };
  return startGeneration(context, session, from, request.id);
}

/** How long the lanes of a generation between these two instances may take to meet, ms. */
function pendingMs(context: Context, left: InstanceId, right: InstanceId): number {
  return timeLimit("pending", pathRoundTrip(roundTripOf(context, left), roundTripOf(context, right)));
}

/** Stores a new session or generation and invites both sides, the requester first. */
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

/** The site of a peer, if the link graph connects both. @throws FairleadError `session.forbidden` */
function peerSiteOf(context: Context, site: string, peer: string): SiteRow {
  if (peer === site) throw new FairleadError("session.forbidden", "A site has no session with itself.");
  const row = context.store.sites.get(peer);
  if (!row || row.state === "revoked" || !context.linkGraph().canReach(site, row.id)) {
    throw new FairleadError("session.forbidden");
  }
  return row;
}

/**
 * Checks that the instance offers the service to the requesting site in the requested mode.
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
 * Checks whether the peer's process ended silently: its uplink closed, and it did not return within its
 * grace. A timer repeats the check when the grace ends, so the requester is notified without asking again.
 * @throws FairleadError `session.peer_gone`, after ending the session
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
  // 10 ms later: the timer may fire early by the fraction that the clock truncates.
  context.absentPeers.watch(session.id, left + 10, () => {
    const still = context.store.sessions.get(session.id);
    if (still === null || context.uplinks.newestOf(peer) !== null) return;
    if (context.store.departures.graceLeft(peer, presentSince(from.attachment), context.now()) === 0) {
      cutSession(context, still, "session.peer_gone");
    }
  });
}

/** Checks that an instance has a live uplink. @throws FairleadError `session.peer_offline` */
function checkUplink(context: Context, site: SiteRow, instance: InstanceId): void {
  const uplink = context.uplinks.newestOf(instance);
  if (!uplink) {
    throw new FairleadError("session.peer_offline", `Site ${site.name} has no uplink at the moment.`);
  }
  if (!context.uplinks.isAlive(uplink, context.now())) {
    closeUplink(context, uplink, "uplink.lost");
    throw new FairleadError("session.peer_offline", `Site ${site.name} is silent.`);
  }
}

/**
 * Deletes a session that one of its two instances reports as ended. If that instance does not know or does
 * not allow the session, the peer is notified: it would otherwise wait in vain.
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
  // Reports about sessions of other instances are ignored.
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

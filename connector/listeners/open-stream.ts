/**
 * Finding a stream for a client. A peer that refuses has given the target nothing, so the client's first bytes,
 * which went out behind the OPEN, go to the next instance. When a stream ends in any other way after they went
 * out, the target may have got them: the client is told, and nothing is sent twice.
 */
import { asFairleadError, ERRORS, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { VisibleOffer, VisibleService } from "../../protocol/uplink/messages.ts";
import { withTimeout } from "../async/timeout.ts";
import { type HopRules, hopNotAllowed } from "../config/hop-policy.ts";
import type { Flow } from "../relay/flow.ts";
import type { RelayStream } from "../relay/relay.ts";
import type { Attempt } from "./circuit-breakers.ts";
import type { EarlyData } from "./early-data.ts";
import { OpenDeadline, type PeerLife } from "./open-deadline.ts";
import { type Load, selectInstance } from "./select-instance.ts";

/** How long a client is held while nobody offers its service: an edge restart takes a few seconds. ms. */
export const HOLD_MS = 10_000;

/** Between two rounds over the instances, unless the catalogue changes earlier, ms. */
const ROUND_MS = 500;

/** The least that an instance gets to come up with a session, however many of them give no sign of life, ms. */
const LEAST_INSTANCE_MS = 500;

/** A stream that the peer has yet to accept. */
export type OpeningStream = RelayStream & { readonly accepted: Promise<void> };

export interface OpenStreamOptions {
  readonly service: string;
  /** What the catalogue says now; undefined when the service is not in it. */
  readonly lookup: () => VisibleService | undefined;
  readonly load: (instance: VisibleOffer) => Load;
  readonly open: (service: string, peer: VisibleOffer) => Promise<OpeningStream>;
  /** Which offers this site may use. */
  readonly hop: HopRules;
  /** An instance is about to be tried; what comes of it is told to what this returns. */
  readonly attempt: (instance: VisibleOffer) => Attempt;
  /** What is known of the peer of a stream that it has yet to accept. */
  readonly life: (instance: VisibleOffer) => PeerLife;
  /** The round trip to the edge, ms; null while it is not known. */
  readonly edgeRoundTrip: () => number | null;
  /** Resolves at the next change of the catalogue, after `ms`, or when `signal` aborts. */
  readonly changed: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The client's flow, which gets to know each instance and stream that is tried. */
  readonly flow: Flow;
  /** What the client says before an instance accepts. */
  readonly early: EarlyData;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Aborts when the connector stops: what is under way may still succeed, nothing new is tried. */
  readonly stopping?: AbortSignal;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
  readonly holdMs?: number;
}

/**
 * A stream that an instance of the service accepted.
 * @throws FairleadError the last failure; service.unavailable when no instance came up in time;
 * stream.cancelled when the client left.
 */
export async function openStream(options: OpenStreamOptions): Promise<RelayStream> {
  const { lookup, changed, signal, stopping, now = () => performance.now() } = options;
  const deadline = now() + (options.holdMs ?? HOLD_MS);
  let last = new FairleadError("service.unavailable", `no site that offers ${options.service} is connected`);
  for (;;) {
    const known = lookup();
    const offers = known?.offers ?? [];
    const usable = options.hop.usable(options.service, offers);
    const round: Round =
      offers.length > 0 && usable.length === 0
        ? { error: hopNotAllowed(options.service), final: true }
        : await tryEach(options, usable, deadline - now());
    if (round.stream) return round.stream;
    last = round.error ?? last;
    const left = deadline - now();
    // What the catalogue said meanwhile may make a refusal for good one of yesterday.
    const stale = lookup() !== known;
    if ((round.final && !stale) || left <= 0 || stopping?.aborted) throw last;
    // Made only for who waits: the signal of a whole connector's life remembers each that was.
    const either = stopping === undefined ? signal : AbortSignal.any([signal, stopping]);
    if (!stale) await changed(round.error ? Math.min(ROUND_MS, left) : left, either);
    if (signal.aborted) throw new FairleadError("stream.cancelled");
  }
}

type Round =
  | { readonly stream: RelayStream }
  /** `final` when no instance failed in a way that passes by itself. */
  | { readonly stream?: undefined; readonly error?: FairleadError; readonly final: boolean };

/** Tries each instance once, the best of those that are left first. `left`: what the client is still held for, ms. */
async function tryEach(
  options: OpenStreamOptions,
  instances: readonly VisibleOffer[],
  left: number,
): Promise<Round> {
  const errors: FairleadError[] = [];
  const untried = new Set(instances);
  for (;;) {
    const instance = selectInstance(untried, options.load);
    if (instance === undefined) break;
    untried.delete(instance);
    const attempt = options.attempt(instance);
    try {
      const limitMs = setUpLimit(options, { only: instances.length === 1, tried: errors.length, left });
      const stream = await openAccepted(options, instance, { limitMs, only: instances.length === 1 });
      attempt.succeeded();
      return { stream };
    } catch (thrown) {
      if (options.signal.aborted) {
        attempt.abandoned();
        throw new FairleadError("stream.cancelled");
      }
      const error = asFairleadError(thrown, "session.lost");
      const uncertain = options.early.sent && !isRefusal(error);
      if (uncertain) options.flow.toTarget.add(options.early.bytes);
      options.early.refused();
      attempt.failed(error.code);
      if (uncertain) throw error;
      if (options.stopping?.aborted) throw error;
      options.flow.log(
        "debug",
        { code: error.code },
        `The instance did not serve the client: ${error.message}`,
      );
      errors.push(error);
    }
  }
  const worst = errors.find((error) => isFinal(error)) ?? errors.at(-1);
  const final = errors.length > 0 && errors.every((error) => isFinal(error));
  return { ...(worst ? { error: worst } : {}), final };
}

/**
 * How long an instance may take to come up with a session, ms. Where there are others, each that is tried in vain
 * leaves half of the time to the next, so that all of them together cost a client no more than twice the first one's.
 */
function setUpLimit(
  { edgeRoundTrip }: OpenStreamOptions,
  { only, tried, left }: { only: boolean; tried: number; left: number },
): number {
  const name = only ? "onlyInstance" : "instance";
  const limit = timeLimit(name, edgeRoundTrip());
  // What the path needs is not cut.
  if (limit > timeLimit(name, 0)) return limit;
  return Math.max(LEAST_INSTANCE_MS, Math.min(limit / 2 ** tried, left));
}

/** Whether it passes by itself before the client has to be told. A full session does not get room in a moment. */
function isFinal({ code }: FairleadError): boolean {
  return !ERRORS[code].retry || code === "stream.limit";
}

/** Whether it is a peer's answer to an OPEN: then no byte of the stream went to a target. */
function isRefusal({ code }: { readonly code: ErrorCode }): boolean {
  return code.startsWith("service.") || (code.startsWith("stream.") && code !== "stream.cancelled");
}

async function openAccepted(
  options: OpenStreamOptions,
  instance: VisibleOffer,
  { limitMs, only }: { limitMs: number; only: boolean },
): Promise<RelayStream> {
  const { open, service, signal, early, flow } = options;
  flow.setPeer(instance);
  const stream = await inTime(open(service, instance), limitMs, instance);
  flow.setStream(stream);
  const leave = () => stream.destroy();
  // Until somebody else joins it, a failing stream must not end the process; `accepted` tells the failure.
  const ignore = () => {};
  stream.on("error", ignore);
  stream.accepted.catch(ignore);
  const deadline = new OpenDeadline({
    life: () => options.life(instance),
    patient: () => only || early.sent,
    expired: (error) => stream.destroy(error),
    peer: instance.siteName,
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  try {
    if (signal.aborted) throw new FairleadError("stream.cancelled");
    signal.addEventListener("abort", leave);
    early.sendTo(stream);
    await accepted(stream);
    flow.toTarget.add(early.bytes);
    early.accepted();
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    deadline.clear();
    signal.removeEventListener("abort", leave);
    // joinStreams attaches its own in the same turn as this one goes.
    setImmediate(() => stream.off("error", ignore));
  }
}

/** A stream that is opened after all when nobody waits for it any more is given up, before its OPEN goes out. */
async function inTime(
  opening: Promise<OpeningStream>,
  limitMs: number,
  peer: VisibleOffer,
): Promise<OpeningStream> {
  return await withTimeout(opening, limitMs, () => {
    void opening.then(
      (stream) => {
        stream.on("error", () => {});
        stream.destroy();
      },
      () => {},
    );
    const why = `no session with site ${peer.siteName} within ${Math.round(limitMs)} ms`;
    return new FairleadError("session.timeout", why);
  });
}

/** Rejects as well when the stream closes: one that was cut may never say whether it was accepted. */
async function accepted(stream: OpeningStream): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const close = () => reject(stream.errored ?? new FairleadError("session.lost"));
  stream.on("close", close);
  stream.accepted.then(resolve, reject);
  try {
    await promise;
  } finally {
    stream.off("close", close);
  }
}

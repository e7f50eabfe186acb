/**
 * Opens a stream for a client, at one instance of the service after another until one accepts. A peer that refuses an
 * OPEN has passed no byte to its target, so the client's first bytes, which follow the OPEN, go to the next instance.
 * When a stream ends in another way after it carried bytes, the target may have them: nothing is sent twice, unless the
 * client's protocol tells that a repetition does no harm.
 */
import { asFairleadError, ERRORS, type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { DEFAULT_KIND } from "../../protocol/stream-kind.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import type { VisibleOffer, VisibleService } from "../../protocol/uplink/messages.ts";
import { type HopPolicy, hopNotAllowed } from "../config/hop-policy.ts";
import type { Flow } from "../relay/flow.ts";
import type { RelayStream } from "../relay/relay.ts";
import type { BalancedService, Balancer, Turn } from "./balancer.ts";
import type { EarlyBytes } from "./early-data.ts";
import { OpenAttempt } from "./open-attempt.ts";
import type { PeerLife } from "./open-deadline.ts";

/** How long a client is held while no instance serves it, ms. A restart of the edge takes a few seconds. */
export const HOLD_MS = 10_000;

/** Pause between two rounds over the instances, ms. A change of the catalogue ends it early. */
const ROUND_MS = 500;

/** Least time that an instance gets to open a session, ms. */
const LEAST_INSTANCE_MS = 500;

/** A stream that the peer has not accepted yet. It has a listener for errors of its own, until it has an owner. */
export type OpeningStream = RelayStream & { readonly accepted: Promise<void> };

/** Decides whether bytes that a target may have are sent again, because their protocol tells that this does no harm. */
export interface Repeats {
  /** Whether the next {@link take} may permit a repetition. Then a silent instance is given up sooner. */
  readonly possible: boolean;
  /** Takes the permission for one repetition, after a failure that leaves open whether a target has the bytes. */
  take(error: FairleadError): boolean;
}

/** This connector's own offer of a service that other sites offer too. */
export type OwnOffer = VisibleOffer & { readonly own: true };

/** A stream that an instance has accepted. */
export interface OpenedStream {
  readonly stream: RelayStream;
  readonly instance: VisibleOffer;
  /** The client's turn at the instance. Call `ended` when the stream or the request is over. */
  readonly turn: Turn;
}

export interface OpenStreamOptions {
  readonly service: string;
  /** The port of the service; its first one unless given. */
  readonly port?: number | undefined;
  /** The kind of stream; the bytes of a TCP connection unless given. */
  readonly kind?: string | undefined;
  /** The service as the catalogue has it now. */
  readonly lookup: () => VisibleService | undefined;
  readonly open: (service: string, peer: VisibleOffer) => OpeningStream | Promise<OpeningStream>;
  /** Decides which offers this site may use. */
  readonly hop: HopPolicy;
  /** This connector's own offer of the service; null without any. */
  readonly own?: ((service: VisibleService) => OwnOffer | null) | undefined;
  /** Selects the instances, and learns what became of each. */
  readonly balancer: Balancer;
  /** Instances that have failed the client already: they are tried after all others. */
  readonly tried?: ReadonlySet<VisibleOffer> | undefined;
  /** Permits to send the client's bytes again although a target may have them; never unless given. */
  readonly repeats?: Repeats | undefined;
  /** The signs of life of an instance, while a stream waits for its answer. */
  readonly life: (instance: VisibleOffer) => PeerLife;
  /** The round trip to the edge, ms; null while it is not known. */
  readonly edgeRoundTrip: () => number | null;
  /** Resolves at the next change of the catalogue, after `ms`, or when `signal` aborts. */
  readonly changed: (ms: number, signal: AbortSignal) => Promise<void>;
  /** The client's flow. It learns each instance and stream that is tried. */
  readonly flow: Flow;
  /** The client's first bytes, which are sent before an instance accepts. */
  readonly early: EarlyBytes;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  /** Aborts when the connector stops. The current attempt may still succeed; no other follows. */
  readonly stopping?: AbortSignal;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
  readonly holdMs?: number;
}

/**
 * Resolves with a stream that an instance of the service has accepted.
 * @throws FairleadError the last failure; service.unavailable when no instance appeared in time; stream.cancelled when
 * the client left.
 */
export async function openStream(options: OpenStreamOptions): Promise<OpenedStream> {
  const { kind = DEFAULT_KIND, lookup, changed, signal, stopping, now = () => performance.now() } = options;
  const deadline = now() + (options.holdMs ?? HOLD_MS);
  // Made only when needed: an error costs as much as the rest of an opening.
  let last: FairleadError | null = null;
  for (;;) {
    const known = lookup();
    const port = options.port ?? known?.port;
    const serving = offersOf(known, options.own).filter((offer) => serves(offer, port, kind));
    const offers = serving.filter((offer) => isUp(offer, port));
    const usable = options.hop.usable(options.service, offers);
    const refusal = refusalOf(options.service, { serving, offers, usable });
    const round: Round =
      refusal === null
        ? await tryEach(options, { known, usable, left: deadline - now() })
        : { error: refusal, final: true };
    if (round.opened) return round.opened;
    last = round.error ?? last ?? noneConnected(options.service);
    const left = deadline - now();
    // A refusal counts for nothing once the catalogue has changed.
    const stale = lookup() !== known;
    if ((round.final && !stale) || left <= 0 || stopping?.aborted) throw last;
    // Made only when needed: `stopping` lives as long as the connector, and keeps every signal made from it.
    const either = stopping === undefined ? signal : AbortSignal.any([signal, stopping]);
    if (!stale) await changed(round.error ? Math.min(ROUND_MS, left) : left, either);
    if (signal.aborted) throw new FairleadError("stream.cancelled");
  }
}

function noneConnected(service: string): FairleadError {
  return new FairleadError("service.unavailable", `No site that offers ${service} is connected.`);
}

type Round =
  | { readonly opened: OpenedStream }
  /** `final` when no instance failed in a way that passes by itself. */
  | { readonly opened?: undefined; readonly error?: FairleadError; readonly final: boolean };

interface RoundStart {
  readonly known: VisibleService | undefined;
  /** The offers that the client may use now. */
  readonly usable: readonly VisibleOffer[];
  /** How long the client is still held, ms. */
  readonly left: number;
}

/** Tries each instance once, always the best of the untried ones. */
async function tryEach(options: OpenStreamOptions, { known, usable, left }: RoundStart): Promise<Round> {
  const { balancer, early } = options;
  const service: BalancedService = known ?? { name: options.service };
  const only = usable.length === 1;
  const errors: FairleadError[] = [];
  const round = balancer.round(service, usable, options.tried);
  for (;;) {
    const instance = round.next();
    if (instance === undefined) break;
    const turn = balancer.begin(service, instance);
    const attempt = new OpenAttempt(options, instance, only);
    try {
      const stream = await attempt.run(setUpLimit(options, { only, tried: errors.length, left }));
      turn.succeeded();
      return { opened: { stream, instance, turn } };
    } catch (thrown) {
      if (options.signal.aborted) {
        turn.abandoned();
        throw new FairleadError("stream.cancelled");
      }
      const error = asFairleadError(thrown, "session.lost");
      const uncertain = early.sent && (attempt.isAccepted || !isRefusal(error));
      if (uncertain) options.flow.toTarget.add(early.bytes);
      early.refused();
      if (attempt.isAccepted) {
        turn.succeeded();
        turn.ended("failed");
      } else turn.failed(error.code);
      if (uncertain && options.repeats?.take(error) !== true) throw error;
      if (options.stopping?.aborted) throw error;
      const text = `The instance did not serve the client: ${error.message}`;
      options.flow.log("debug", { code: error.code }, text);
      errors.push(error);
    }
  }
  const worst = errors.find((error) => isFinal(error)) ?? errors.at(-1);
  const final = errors.length > 0 && errors.every((error) => isFinal(error));
  return { error: worst, final };
}

/**
 * How long an instance may take to open a session, ms. Among several instances the limit halves with each failure, so
 * that all of them together cost a client at most twice the first limit.
 */
function setUpLimit(
  { edgeRoundTrip }: OpenStreamOptions,
  { only, tried, left }: { only: boolean; tried: number; left: number },
): number {
  const name = only ? "onlyInstance" : "instance";
  const limit = timeLimit(name, edgeRoundTrip());
  // A limit that the round trip has raised is not cut.
  if (limit > timeLimit(name, 0)) return limit;
  return Math.max(LEAST_INSTANCE_MS, Math.min(limit / 2 ** tried, left));
}

function offersOf(
  known: VisibleService | undefined,
  own: OpenStreamOptions["own"] = () => null,
): readonly VisibleOffer[] {
  if (known === undefined) return [];
  const offer = own(known);
  return offer === null ? known.offers : [...known.offers, offer];
}

/** Whether the instance serves streams of the kind at the port. */
function serves({ ports, kinds }: VisibleOffer, port: number | undefined, kind: string): boolean {
  if (kind !== DEFAULT_KIND && kinds?.includes(kind) !== true) return false;
  return port === undefined || ports?.includes(port) !== false;
}

/** Whether a target of the port is up, as far as the instance knows. */
function isUp({ down }: VisibleOffer, port: number | undefined): boolean {
  return port === undefined || down?.includes(port) !== true;
}

/** Why no instance can be tried although some serve the port; null if there is no such reason. */
function refusalOf(
  service: string,
  { serving, offers, usable }: Record<"serving" | "offers" | "usable", readonly VisibleOffer[]>,
): FairleadError | null {
  if (serving.length > 0 && offers.length === 0) return new FairleadError("service.unhealthy");
  return offers.length > 0 && usable.length === 0 ? hopNotAllowed(service) : null;
}

/** Whether waiting does not help. A full session retries too, but rarely has room within the hold time. */
function isFinal({ code }: FairleadError): boolean {
  return !ERRORS[code].retry || code === "stream.limit";
}

/** Whether the peer refused the OPEN. Then no byte of the stream went to a target. */
function isRefusal({ code }: { readonly code: ErrorCode }): boolean {
  return /^(service|exchange)\./.test(code) || (code.startsWith("stream.") && code !== "stream.cancelled");
}

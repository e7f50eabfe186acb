/**
 * Finding a stream for a client. Until the peer accepts, nothing of the client was sent, so every failure
 * may be answered by trying elsewhere.
 */
import type { Duplex } from "node:stream";
import { asFairleadError, ERRORS, FairleadError } from "../../protocol/errors.ts";
import type { Instance, VisibleService } from "../../protocol/messages.ts";
import { inOrder, type Load } from "./balancing.ts";

/** How long a client is held while nobody offers its service: an edge restart takes a few seconds. ms. */
export const HOLD_MS = 10_000;

/** Between two rounds over the instances, unless the catalogue changes earlier, ms. */
const ROUND_MS = 500;

/** A stream that the peer has yet to accept. */
export type OpeningStream = Duplex & { readonly accepted: Promise<void> };

export interface ConnectOptions {
  readonly service: string;
  /** What the catalogue says now; undefined when the service is not in it. */
  readonly lookup: () => VisibleService | undefined;
  readonly load: (instance: Instance) => Load;
  readonly open: (service: string, peer: Instance) => Promise<OpeningStream>;
  /** An instance could not serve. */
  readonly onFailure?: (instance: Instance) => void;
  /** Resolves at the next change of the catalogue, after `ms`, or when `signal` aborts. */
  readonly changed: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal;
  readonly now?: () => number;
  readonly holdMs?: number;
}

/**
 * A stream that an instance of the service accepted.
 * @throws FairleadError the last failure; service.unavailable when no instance came up in time;
 * stream.cancelled when the client left.
 */
export async function connectStream(options: ConnectOptions): Promise<Duplex> {
  const { lookup, load, changed, signal, now = Date.now } = options;
  const deadline = now() + (options.holdMs ?? HOLD_MS);
  let last = new FairleadError("service.unavailable", `no site that offers ${options.service} is connected`);
  for (;;) {
    const round = await tryEach(options, inOrder(lookup()?.offers ?? [], load));
    if (round.stream) return round.stream;
    last = round.error ?? last;
    const left = deadline - now();
    if (round.final || left <= 0) throw last;
    await changed(round.error ? Math.min(ROUND_MS, left) : left, signal);
    if (signal.aborted) throw new FairleadError("stream.cancelled");
  }
}

type Round =
  | { readonly stream: Duplex }
  /** `final` when no instance failed in a way that passes by itself. */
  | { readonly stream?: undefined; readonly error?: FairleadError; readonly final: boolean };

async function tryEach(options: ConnectOptions, instances: readonly Instance[]): Promise<Round> {
  const errors: FairleadError[] = [];
  for (const instance of instances) {
    try {
      return { stream: await openAccepted(options, instance) };
    } catch (thrown) {
      if (options.signal.aborted) throw new FairleadError("stream.cancelled");
      options.onFailure?.(instance);
      errors.push(asFairleadError(thrown, "session.lost"));
    }
  }
  const worst = errors.find((error) => !ERRORS[error.code].retry) ?? errors.at(-1);
  const final = errors.length > 0 && errors.every((error) => !ERRORS[error.code].retry);
  return { ...(worst ? { error: worst } : {}), final };
}

async function openAccepted(options: ConnectOptions, instance: Instance): Promise<Duplex> {
  const { open, service, signal } = options;
  const stream = await open(service, instance);
  const leave = () => stream.destroy();
  // Until somebody else joins it, a failing stream must not end the process; `accepted` tells the failure.
  const ignore = () => {};
  stream.on("error", ignore);
  stream.accepted.catch(ignore);
  try {
    if (signal.aborted) throw new FairleadError("stream.cancelled");
    signal.addEventListener("abort", leave);
    await Promise.race([stream.accepted, closed(stream)]);
    return stream;
  } catch (error) {
    stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", leave);
    // joinStreams attaches its own in the same turn as this one goes.
    setImmediate(() => stream.off("error", ignore));
  }
}

/** Rejects when the stream closes: one that was cut may never say whether it was accepted. */
function closed(stream: Duplex): Promise<never> {
  return new Promise((_, reject) => {
    stream.once("close", () => reject(stream.errored ?? new FairleadError("session.lost")));
  });
}

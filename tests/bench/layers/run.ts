/** Sends messages through a stack, and sums up what they took. */
import { GcPacing } from "../../../connector/session/gc-pacing.ts";
import { median, percentile } from "../statistics.ts";
import type { Direction, MessageKind, StackFigures } from "./figures.ts";
import { PollPhase } from "./loop.ts";
import { type Exchange, exchange, type Message, type Sample } from "./measure.ts";
import { makeGround, type Stack, type StackKind } from "./stack.ts";

/** Messages before the first that counts: V8 compiles the last functions after some thousands. */
const WARM_UP: Readonly<Record<MessageKind, number>> = { request: 4000, chunk: 600 };
/** Messages that count. */
const WARM = 600;
const COLD = 30;

/** A small HTTP request and its answer; and what a connector reads of a transfer at once, both ways. Bytes. */
export const MESSAGES: Readonly<Record<MessageKind, Message>> = {
  request: { request: Buffer.alloc(80, 1), answer: Buffer.alloc(1200, 2) },
  chunk: { request: Buffer.alloc(64 * 1024, 1), answer: Buffer.alloc(64 * 1024, 2) },
};

/**
 * Collects garbage between messages, as often as a connector does: buffers that are not collected cost page faults. The
 * pacing of the connector's own classes is not started, so that no collection falls into a timed part.
 */
const pacing = new GcPacing();

/** @throws Error when a message does not come through the stack within a minute */
export async function measureStack(kind: StackKind): Promise<StackFigures[]> {
  pacing.start();
  const poll = await PollPhase.open();
  const stack = await kind.open(await makeGround());
  const figures: StackFigures[] = [];
  for (const message of ["request", "chunk"] as const) {
    await repeat(stack, WARM_UP[message], message, { isCold: false, poll });
    for (const isCold of [false, true]) {
      const exchanges = await repeat(stack, isCold ? COLD : WARM, message, { isCold, poll });
      figures.push(figuresOf({ stack: kind.id, message, isCold }, exchanges));
    }
  }
  stack.close();
  poll.close();
  return figures;
}

/** Sends messages through a stack, one after another. */
export async function repeat(
  stack: Stack,
  count: number,
  message: MessageKind,
  how: { readonly isCold: boolean; readonly poll: PollPhase },
): Promise<Exchange[]> {
  const samples: Exchange[] = [];
  const { request, answer } = MESSAGES[message];
  while (samples.length < count) {
    samples.push(await exchange(stack, { request, answer }, how));
    pacing.note(request.length + answer.length);
  }
  return samples;
}

type Cost = Pick<Sample, "us" | "waits">;

function figuresOf(
  what: Pick<StackFigures, "stack" | "message" | "isCold">,
  exchanges: readonly Exchange[],
): StackFigures {
  const of = (cost: (exchange: Exchange) => Cost) => directionOf(exchanges.map(cost));
  return {
    ...what,
    out: of(({ out }) => out),
    back: of(({ back }) => back),
    both: of(({ out, back }) => ({ us: out.us + back.us, waits: out.waits + back.waits })),
  };
}

function directionOf(costs: readonly Cost[]): Direction {
  const sorted = costs.map(({ us }) => us).toSorted((left, right) => left - right);
  return {
    median: median(sorted),
    p90: percentile(sorted, 0.9),
    waits: median(costs.map(({ waits }) => waits)),
  };
}

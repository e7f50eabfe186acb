/** Measures what a message costs in a stack: a request from the client to the boundary, and an answer back. */
import { type PollPhase, turn, turnUntil } from "./loop.ts";
import type { Stack } from "./stack.ts";
import { sweepCaches } from "./sweep.ts";

/** Turns of the event loop after the last byte, in which the layers finish their own work. They are in each figure. */
const SETTLE_TURNS = 3;

/** One direction of one message. */
export interface Sample {
  /** µs until nothing is left to do. */
  readonly us: number;
  /** Callbacks of `setImmediate`, one after another, that the last byte waited for. */
  readonly waits: number;
  /** When it began and ended, by the clock of `performance.now()`, ms. */
  readonly from: number;
  readonly to: number;
}

export interface Exchange {
  readonly out: Sample;
  readonly back: Sample;
}

/** A message: what the client sends, and what it is answered. */
export interface Message {
  readonly request: Buffer;
  readonly answer: Buffer;
}

/** Sends a message and its answer through a stack. Only what the near end does is timed. */
export async function exchange(
  stack: Stack,
  { request, answer }: Message,
  { isCold, poll }: { readonly isCold: boolean; readonly poll: PollPhase },
): Promise<Exchange> {
  const { wire } = stack;
  const goal = wire.out.sent + request.length;
  stack.request(request);
  if (isCold) sweepCaches();
  const out = await timed(null, () => wire.out.sent >= goal, poll);

  const received = stack.received() + request.length;
  await turnUntil(
    () => stack.received() >= received,
    () => wire.out.pass(),
  );
  const returned = wire.back.sent + answer.length;
  stack.answer(answer);
  await turnUntil(
    () => wire.back.sent >= returned,
    () => wire.out.pass(),
  );
  await quiet(() => wire.out.pass());

  const written = stack.written() + answer.length;
  if (stack.inKernel) wire.back.pass();
  if (isCold) sweepCaches();
  const begin = stack.inKernel ? null : () => wire.back.pass();
  const isDone = () => {
    // What the kernel did not take at once.
    if (stack.inKernel) wire.back.pass();
    return stack.written() >= written;
  };
  const back = await timed(begin, isDone, poll);
  stack.read();
  await quiet(() => {
    wire.out.pass();
    stack.read();
  });
  return { out, back };
}

async function quiet(work: () => void): Promise<void> {
  for (let turns = 0; turns < SETTLE_TURNS; turns++) {
    work();
    await turn();
  }
}

/**
 * Times a direction of a message until nothing is left to do.
 * @param begin is called in the poll phase; null when the kernel has something for the path */
function timed(begin: (() => void) | null, isDone: () => boolean, poll: PollPhase): Promise<Sample> {
  return new Promise((resolve) => {
    let from = 0;
    let waits = 0;
    let settled = -1;
    // The first callback of each turn's check phase: what another one sends is seen in the next turn.
    const check = () => {
      if (settled >= 0) settled++;
      else if (isDone()) settled = 0;
      else waits++;
      if (settled < SETTLE_TURNS) {
        setImmediate(check);
        return;
      }
      const to = performance.now();
      resolve({ us: (to - from) * 1000, waits, from, to });
    };
    const start = () => {
      from = performance.now();
      setImmediate(check);
      begin?.();
    };
    if (begin === null) start();
    else poll.next(start);
  });
}

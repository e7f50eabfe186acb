/** Measures the stacks in rounds, each round all of them. */
import { GcPacing } from "../../../connector/session/gc-pacing.ts";
import { describeMachine } from "../machine.ts";
import { median, percentile, rotated } from "../statistics.ts";
import type { Direction, LayerResults, MessageKind, StackFigures } from "./figures.ts";
import { PollPhase } from "./loop.ts";
import { type Exchange, exchange, type Message, type Sample } from "./measure.ts";
import { type Ground, makeGround, type Stack, type StackKind } from "./stack.ts";

/** Messages of each stack in each round. */
const WARM_UP = 200;
const WARM = 400;
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

/** The samples of one stack, message and state of the caches, by round. */
interface Series {
  readonly stack: string;
  readonly message: MessageKind;
  readonly isCold: boolean;
  readonly rounds: Exchange[][];
}

/** @throws Error when a message does not come through a stack within a minute */
export async function measureLayers(
  kinds: readonly StackKind[],
  rounds: number,
  say: (line: string) => void,
): Promise<LayerResults> {
  const started = new Date().toISOString();
  pacing.start();
  const ground = await makeGround();
  const poll = await PollPhase.open();
  const all = new Map<string, Series>();
  for (let round = 0; round < rounds; round++) {
    say(`the cost of a message, round ${round + 1} of ${rounds}`);
    for (const kind of rotated(kinds, round)) {
      for (const message of ["request", "chunk"] as const)
        await measureStack(kind, message, { ground, poll, all });
    }
  }
  poll.close();
  const figures = kinds.flatMap(({ id }) =>
    [...all.values()].filter(({ stack }) => stack === id).map(figuresOfSeries),
  );
  return { started, machine: await describeMachine(), rounds, figures };
}

interface Work {
  readonly ground: Ground;
  readonly poll: PollPhase;
  readonly all: Map<string, Series>;
}

async function measureStack(
  kind: StackKind,
  message: MessageKind,
  { ground, poll, all }: Work,
): Promise<void> {
  const stack = await kind.open(ground);
  try {
    await repeat(stack, WARM_UP, message, { isCold: false, poll });
    for (const isCold of [false, true]) {
      const samples = await repeat(stack, isCold ? COLD : WARM, message, { isCold, poll });
      const key = `${kind.id} ${message} ${isCold}`;
      const series = all.get(key) ?? { stack: kind.id, message, isCold, rounds: [] };
      all.set(key, series);
      series.rounds.push(samples);
    }
  } finally {
    stack.close();
  }
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

function figuresOfSeries({ stack, message, isCold, rounds }: Series): StackFigures {
  const of = (sample: (exchange: Exchange) => Cost) => directionOf(rounds.map((round) => round.map(sample)));
  return {
    ...{ stack, message, isCold },
    out: of(({ out }) => out),
    back: of(({ back }) => back),
    both: of(({ out, back }) => ({ us: out.us + back.us, waits: out.waits + back.waits })),
  };
}

type Cost = Pick<Sample, "us" | "waits">;

/** The medians of the rounds' figures. */
function directionOf(rounds: readonly (readonly Cost[])[]): Direction {
  const over = (figure: (sorted: number[]) => number) => {
    const figures = rounds.map((samples) =>
      figure(samples.map(({ us }) => us).toSorted((left, right) => left - right)),
    );
    return Math.round(median(figures) * 100) / 100;
  };
  return {
    median: over(median),
    p90: over((sorted) => percentile(sorted, 0.9)),
    waits: median(rounds.flat().map(({ waits }) => waits)),
  };
}

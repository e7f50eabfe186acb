/**
 * Measures stacks in rounds, each stack in a process of its own: V8 compiles a function for the objects that it has met,
 * and a connector meets those of one stack.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as z from "zod";
import { describeMachine } from "../machine.ts";
import { median, rotated } from "../statistics.ts";
import { type Direction, type LayerResults, StackFigures } from "./figures.ts";
import type { StackKind } from "./stack.ts";

const PROCESS = fileURLToPath(new URL("one-stack.ts", import.meta.url));

/** @throws Error when the process of a stack fails */
export async function measureRounds(
  kinds: readonly StackKind[],
  rounds: number,
  say: (line: string) => void,
): Promise<LayerResults> {
  const started = new Date().toISOString();
  const all = new Map<string, StackFigures[]>();
  for (let round = 0; round < rounds; round++) {
    say(`the cost of a message, round ${round + 1} of ${rounds}`);
    for (const { id } of rotated(kinds, round)) {
      const { stdout } = await promisify(execFile)(process.execPath, [PROCESS, id]);
      for (const figures of z.array(StackFigures).parse(JSON.parse(stdout))) {
        const key = `${id} ${figures.message} ${figures.isCold}`;
        all.set(key, [...(all.get(key) ?? []), figures]);
      }
    }
  }
  const figures = kinds.flatMap(({ id }) =>
    [...all.values()].flatMap((series) => (series[0]?.stack === id ? [mediansOf(series, series[0])] : [])),
  );
  return { started, machine: await describeMachine(), rounds, figures };
}

/** The median of each figure over the rounds. */
function mediansOf(rounds: readonly StackFigures[], first: StackFigures): StackFigures {
  const over = (figure: (round: StackFigures) => number) =>
    Math.round(median(rounds.map(figure)) * 100) / 100;
  const direction = (way: "out" | "back" | "both"): Direction => ({
    median: over((round) => round[way].median),
    p90: over((round) => round[way].p90),
    waits: over((round) => round[way].waits),
  });
  return { ...first, out: direction("out"), back: direction("back"), both: direction("both") };
}

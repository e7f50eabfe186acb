/** The command line of the bench of the layers. */
import { parseArgs } from "node:util";

export interface LayerOptions {
  readonly rounds: number;
  /** Ids of the stacks to measure; all when empty. */
  readonly only: readonly string[];
  readonly json: string | null;
  /** Figures of an earlier run, as `--json` wrote them. */
  readonly before: string | null;
  /** A page whose table between the marks of the layers is written anew. */
  readonly page: string | null;
  /** The stack to profile in place of measuring. */
  readonly profile: string | null;
  readonly help: boolean;
}

export const LAYERS_USAGE = `node tests/bench/layers/main.ts [options]

  --rounds N      rounds, the medians count (4)
  --only STACK    only this stack; may be repeated
  --json FILE     writes the figures
  --page FILE     writes the table into a page, between its <!-- layers --> marks
  --before FILE   figures of an earlier run, to show beside these in the page
  --profile STACK names the functions that take the time of this stack
`;

/** @throws TypeError or RangeError that says what is wrong with the line */
export function parseLayerOptions(args: readonly string[]): LayerOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "4" },
      only: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      before: { type: "string" },
      page: { type: "string" },
      profile: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new RangeError(`--rounds ${values.rounds}: give a whole number`);
  return {
    rounds,
    only: values.only,
    json: values.json ?? null,
    before: values.before ?? null,
    page: values.page ?? null,
    profile: values.profile ?? null,
    help: values.help,
  };
}

/** The figures of a run of the bench of the layers. */
import * as z from "zod";

const Direction = z.object({
  /** µs for each message. */
  median: z.number(),
  p90: z.number(),
  /** Callbacks of `setImmediate` that the last byte waited for, the median. */
  waits: z.number(),
});
export type Direction = z.infer<typeof Direction>;

export const StackFigures = z.object({
  /** The id of the stack. */
  stack: z.string(),
  message: z.enum(["request", "chunk"]),
  isCold: z.boolean(),
  /** The request, from the client to the boundary. */
  out: Direction,
  /** The answer, from the boundary to the client. */
  back: Direction,
  /** A request and its answer together. */
  both: Direction,
});
export type StackFigures = z.infer<typeof StackFigures>;
export type MessageKind = StackFigures["message"];

/** What `--json` writes. */
export const LayerResults = z.object({
  /** ISO 8601. */
  started: z.string(),
  machine: z.object({
    cpu: z.string(),
    cores: z.number(),
    kernel: z.string(),
    node: z.string(),
    tools: z.record(z.string(), z.string()),
  }),
  rounds: z.number(),
  figures: z.array(StackFigures),
});
export type LayerResults = z.infer<typeof LayerResults>;

/** The figures of a stack; undefined when it was not measured. */
export function figuresOf(
  { figures }: LayerResults,
  stack: string,
  message: MessageKind,
  isCold: boolean,
): StackFigures | undefined {
  return figures.find((each) => each.stack === stack && each.message === message && each.isCold === isCold);
}

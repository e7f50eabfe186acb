/** What each layer costs: the figures of a stack less those of the stack without its last layer. */
import type { Table } from "../report/rows.ts";
import { markdown, plain } from "../report/text.ts";
import { figuresOf, type LayerResults, type MessageKind, type StackFigures } from "./figures.ts";

/** The layers of a connector's path, by the stack that ends with them. */
const LAYERS: Readonly<Record<string, string>> = {
  loop: "bench and event loop alone",
  local: "local socket",
  relay: "relay",
  streams: "streams and frames",
  "inner-tls": "inner TLS",
  carrier: "carrier",
  lane: "lane (WebSocket)",
  "outer-tls": "outer TLS and its socket",
};

/** Stacks of Node alone, with the socket of the client. */
const FLOORS: Readonly<Record<string, string>> = {
  "one-tls": "Node: socket, TLS, socket",
  "two-tls": "Node: with TLS in TLS",
  "two-tls-duplex": "Node: with a Duplex between",
};

const LAST = "outer-tls";

/** What a layer adds, or what several take, for one message: medians, µs. */
interface Cost {
  readonly out: number;
  readonly back: number;
  readonly both: number;
  /** 90 % of the messages through all layers so far take at most this. */
  readonly p90: number;
  /** Callbacks of `setImmediate` that both ways wait for. */
  readonly waits: number;
}

interface Row {
  readonly title: string;
  readonly cost: Cost;
}

const MESSAGES: Readonly<Record<MessageKind, string>> = {
  request: "80 bytes out, 1,200 back",
  chunk: "64 KiB out, 64 KiB back",
};

/** The rows of one kind of message: each layer, all of them, and Node's floors, without what the bench itself takes. */
export function layerRows(results: LayerResults, message: MessageKind, isCold: boolean): Row[] {
  const of = (stack: string) => figuresOf(results, stack, message, isCold);
  const rows: Row[] = [];
  let before: StackFigures | undefined;
  for (const [stack, title] of Object.entries(LAYERS)) {
    const figures = of(stack);
    if (figures === undefined) continue;
    rows.push({ title, cost: less(figures, before) });
    before = figures;
  }
  for (const [stack, title] of [[LAST, "all layers"] as const, ...Object.entries(FLOORS)]) {
    const figures = of(stack);
    if (figures !== undefined) rows.push({ title, cost: less(figures, of("loop")) });
  }
  return rows;
}

function less(figures: StackFigures, before: StackFigures | undefined): Cost {
  return {
    out: figures.out.median - (before?.out.median ?? 0),
    back: figures.back.median - (before?.back.median ?? 0),
    both: figures.both.median - (before?.both.median ?? 0),
    p90: figures.both.p90,
    waits: figures.both.waits - (before?.both.waits ?? 0),
  };
}

/** Both ways of one kind of message, µs. */
export function costTable(results: LayerResults, message: MessageKind): Table {
  const warm = layerRows(results, message, false);
  const cold = layerRows(results, message, true);
  const cells = (cost: Cost | undefined) =>
    cost === undefined ? ["", "", "", ""] : [cost.out, cost.back, cost.both, cost.p90].map(micros);
  return {
    heading: [
      MESSAGES[message],
      ...["warm: out", "back", "both", "p90"],
      ...["cold: out", "back", "both", "p90"],
      "waits",
    ],
    rows: warm.map(({ title, cost }, at) => [
      title,
      ...cells(cost),
      ...cells(cold[at]?.cost),
      String(cost.waits),
    ]),
  };
}

/** A message and its answer together, µs, of an earlier run beside this one. */
export function comparisonTable(before: LayerResults | null, now: LayerResults): Table {
  const runs = [before, now].filter((run) => run !== null);
  const kinds = (["request", "chunk"] as const).flatMap((message) =>
    [false, true].map((isCold) => ({ message, isCold })),
  );
  const columns = kinds.flatMap(({ message, isCold }) =>
    runs.map((run) => {
      const costs = new Map(
        layerRows(run, message, isCold).map(({ title, cost }) => [title, micros(cost.both)]),
      );
      const when = runs.length === 1 ? "" : run === before ? ", before" : ", now";
      return { title: `${message}, ${isCold ? "cold" : "warm"}${when}`, costs };
    }),
  );
  const titles = [...Object.values(LAYERS), "all layers", ...Object.values(FLOORS)];
  return {
    heading: ["µs", ...columns.map(({ title }) => title)],
    rows: titles.map((title) => [title, ...columns.map(({ costs }) => costs.get(title) ?? "")]),
  };
}

function micros(value: number): string {
  return value.toFixed(1);
}

const conditions = ({ machine, rounds }: LayerResults) =>
  `${machine.cores} cores (${machine.cpu}), Linux ${machine.kernel}, Node ${machine.node}; ${rounds} rounds`;

/** For the terminal. */
export function layerReport(results: LayerResults): string {
  return [
    plain(costTable(results, "request")),
    plain(costTable(results, "chunk")),
    "µs that a layer adds to a message, medians. p90: of all layers so far. Cold: caches swept before.",
    `${conditions(results)}.`,
  ].join("\n\n");
}

/** For a page of docs/. */
export function layerText(before: LayerResults | null, now: LayerResults): string {
  const first = before === null ? "" : `; before: on ${before.started.slice(0, 10)}`;
  return [
    `Measured on ${now.started.slice(0, 10)} on ${conditions(now)}${first}.`,
    markdown(comparisonTable(before, now)),
  ].join("\n\n");
}

/** The decoders of telemetry messages: with the vectors for other implementations, and with mutated messages. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type * as z from "zod";
import { FairleadError } from "../../../../protocol/errors.ts";
import { parseJsonWith } from "../../../../protocol/parse.ts";
import { matchesFlow, parseFlowFilter } from "../../../../protocol/telemetry/flow-filter.ts";
import type { FlowRecord } from "../../../../protocol/telemetry/flow-record.ts";
import { TelemetryNotice, TelemetryReport } from "../../../../protocol/telemetry/messages.ts";
import { SeriesReport } from "../../../../protocol/telemetry/series.ts";
import { visible } from "../../../../protocol/text.ts";
import vectors from "../../../vectors/telemetry.json" with { type: "json" };

/** The records in the vectors: of the tail, and the notable one. */
const RECORDS = vectors.connector.flatMap((message) => {
  const { data } = TelemetryReport.safeParse(message);
  if (data?.type === "series") return data.notable;
  return data?.type === "records" ? data.records : [];
});
const [NOTABLE, TAILED] = RECORDS;

/** A record as the edge has it, with the site of the vectors that it is from. */
const ofSite = (record: FlowRecord, at: number) => ({
  ...record,
  site: { site: "sg4sjv3cmce6a1q19yrpfpfn8eg", name: vectors.filterSites[at] ?? "" },
});

function errorOf(work: () => unknown): unknown {
  try {
    work();
    return null;
  } catch (thrown) {
    return thrown;
  }
}

describe("the vectors of telemetry", () => {
  const typesOf = (schema: typeof TelemetryReport | typeof TelemetryNotice) =>
    new Set(schema.options.map((option) => option.shape.type.value));

  it.each(vectors.connector)("have a connector's $type that is parsed as it is", (message) => {
    expect(TelemetryReport.parse(message)).toEqual(message);
  });

  it.each(vectors.edge)("have an edge's $type that is parsed as it is", (message) => {
    expect(TelemetryNotice.parse(message)).toEqual(message);
  });

  it("have a message of every type", () => {
    expect(new Set<string>(vectors.connector.map(({ type }) => type))).toEqual(typesOf(TelemetryReport));
    expect(new Set<string>(vectors.edge.map(({ type }) => type))).toEqual(typesOf(TelemetryNotice));
  });

  it("have messages and series that are refused", () => {
    for (const { message, why } of vectors.refusedFromConnector) {
      expect(TelemetryReport.safeParse(message).success, why).toBe(false);
    }
    for (const { message, why } of vectors.refusedFromEdge) {
      expect(TelemetryNotice.safeParse(message).success, why).toBe(false);
    }
    const series = vectors.connector.flatMap((message) => message.series ?? []);
    for (const { changes, why } of vectors.seriesRefused) {
      for (const each of series) {
        expect(SeriesReport.safeParse({ ...each, ...changes }).success, why).toBe(false);
      }
    }
  });

  it.each(vectors.filters)("have a filter that matches the named records: $filter", ({ filter, matches }) => {
    const terms = parseFlowFilter(filter);
    const records = [TAILED, NOTABLE].flatMap((record, at) => (record ? [ofSite(record, at)] : []));
    expect(records).toHaveLength(2);
    expect(records.flatMap((record, at) => (matchesFlow(terms, record) ? [at] : []))).toEqual(matches);
  });

  it.each(vectors.filtersRefused)("have a filter that is refused: $filter", ({ filter, why }) => {
    expect(
      errorOf(() => parseFlowFilter(filter)),
      why,
    ).toMatchObject({ code: "request.invalid" });
  });
});

describe("the decoders of telemetry messages", () => {
  const DECODERS: { readonly schema: z.ZodType; readonly messages: readonly unknown[] }[] = [
    { schema: TelemetryReport, messages: vectors.connector },
    { schema: TelemetryNotice, messages: vectors.edge },
  ];

  /** Values that a hostile member may put anywhere. */
  const strange = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      ...[-1, -0, 0.5, 1e308, Number.MAX_SAFE_INTEGER + 1, "", "\u0000", "\u202e", "\ud800", "__proto__"],
      ...["x".repeat(10_000), [], {}, null, true, { __proto__: null, constructor: 1 }],
    ),
  );

  /** A message with one value, at any depth, replaced, removed or added. */
  const mutated = (messages: readonly unknown[]) =>
    fc
      .tuple(
        fc.constantFrom(...messages),
        fc.array(fc.nat(), { maxLength: 6 }),
        strange,
        fc.nat(2),
        fc.string(),
      )
      .map(([message, path, value, how, name]) =>
        mutate(structuredClone(message), path, { value, how, name }),
      );

  function mutate(
    at: unknown,
    [step = 0, ...path]: number[],
    change: { readonly value: unknown; readonly how: number; readonly name: string },
  ): unknown {
    if (typeof at !== "object" || at === null) return change.value;
    const entries = at as Record<string, unknown>;
    const keys = Object.keys(entries);
    const key = keys[step % Math.max(1, keys.length)];
    if (path.length > 0 && key !== undefined) entries[key] = mutate(entries[key], path, change);
    else if (change.how === 0 && key !== undefined) delete entries[key];
    else if (change.how === 1 && key !== undefined) entries[key] = change.value;
    else if (Array.isArray(at)) at.push(change.value);
    else Object.defineProperty(at, change.name, { value: change.value, enumerable: true });
    return at;
  }

  /** Every number is a count or a time that can be, and every text can be shown. */
  function expectHarmless(value: unknown, name = ""): void {
    if (typeof value === "string") expect(visible(value)).toBe(value);
    else if (typeof value === "number" && name !== "grpcStatus") {
      expect(value).toBeGreaterThanOrEqual(0);
      expect(value).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    } else if (typeof value === "object" && value !== null) {
      for (const [key, each] of Object.entries(value)) expectHarmless(each, key);
    }
  }

  it("fail with their code alone, and pass on only what they would accept again", () => {
    for (const { schema, messages } of DECODERS) {
      const decode = (text: string) => parseJsonWith(schema, text, { code: "telemetry.malformed" });
      fc.assert(
        fc.property(
          fc.oneof(
            mutated(messages).map((message) => JSON.stringify(message)),
            fc.string(),
          ),
          (text) => {
            let decoded: unknown;
            try {
              decoded = decode(text ?? "");
            } catch (thrown) {
              if (thrown instanceof FairleadError && thrown.code === "telemetry.malformed") return;
              throw thrown;
            }
            expect(decode(JSON.stringify(decoded))).toEqual(decoded);
            if (schema === TelemetryReport) expectHarmless(decoded);
          },
        ),
        { numRuns: 2000 },
      );
    }
  });
});

describe("the parser of filters", () => {
  const pieces = fc.constantFrom(
    ...[
      "service",
      "ms",
      "status",
      "nonsense",
      ":",
      "<",
      ">",
      "!",
      '"',
      "*",
      " ",
      "5xx",
      "1e999",
      "\u202e",
      "é",
    ],
  );
  const text = fc.oneof(
    fc.string({ maxLength: 1200 }),
    fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join("")),
  );

  it("fails with its code alone, and gives terms that every record can be matched with", () => {
    fc.assert(
      fc.property(text, (filter) => {
        const error = errorOf(() => {
          const terms = parseFlowFilter(filter);
          for (const [at, record] of RECORDS.entries()) matchesFlow(terms, ofSite(record, at));
        });
        if (error !== null) expect(error).toMatchObject({ code: "request.invalid" });
      }),
      { numRuns: 2000 },
    );
  });

  it("reads a hostile text of the greatest length at once", () => {
    for (const filter of [
      "!".repeat(1000),
      '"'.repeat(999),
      "a:".repeat(500),
      'a:"'.repeat(333),
      " ".repeat(1000),
    ]) {
      errorOf(() => parseFlowFilter(filter));
    }
  });
});

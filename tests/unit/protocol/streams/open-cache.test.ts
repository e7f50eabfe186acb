import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FairleadError } from "../../../../protocol/errors.ts";
import { type Open, parseOpen } from "../../../../protocol/streams/frames.ts";
import { OpenCache } from "../../../../protocol/streams/open-cache.ts";

const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (payload: Uint8Array) => new TextDecoder().decode(payload);

const hexDigits = (length: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: length, maxLength: length })
    .map((digits) => digits.map((digit) => digit.toString(16)).join(""))
    .filter((digits) => !/^0+$/.test(digits));
const traces = fc
  .tuple(hexDigits(32), hexDigits(16), hexDigits(2))
  .map(([trace, parent, flags]) => `00-${trace}-${parent}-${flags}`);
const opens: fc.Arbitrary<Open> = fc.record(
  {
    service: fc.constantFrom(...Array.from({ length: 12 }, (_, at) => `service-${at}`)),
    hops: fc.integer({ min: 1, max: 255 }),
    port: fc.integer({ min: 1, max: 65_535 }),
    kind: fc.constantFrom("udp", "http-exchange"),
    traceparent: traces,
  },
  { requiredKeys: ["service"] },
);

describe("OpenCache", () => {
  it("encodes an OPEN without hops, kind and trace context as {service} alone", () => {
    const cache = new OpenCache();
    expect(text(cache.encode({ service: "api" }))).toBe('{"service":"api"}');
    expect(text(cache.encode({ service: "api", hops: 0, kind: "tcp" }))).toBe('{"service":"api"}');
  });

  it("encodes the same payload once, however many trace contexts come between", () => {
    const cache = new OpenCache();
    const plain = cache.encode({ service: "api", hops: 1 });
    const traced = cache.encode({ service: "api", hops: 1, traceparent: TRACE });
    expect(text(traced)).toBe(`{"service":"api","hops":1,"traceparent":"${TRACE}"}`);
    expect(cache.encode({ service: "api", hops: 1 })).toBe(plain);
    expect(text(plain)).toBe('{"service":"api","hops":1}');
  });

  it("tells ports of a service apart", () => {
    const cache = new OpenCache();
    expect(text(cache.encode({ service: "api" }))).toBe('{"service":"api"}');
    expect(text(cache.encode({ service: "api", port: 9090 }))).toBe('{"service":"api","port":9090}');
  });

  it("keeps the entries of a few services and kinds that are used in turn", () => {
    const cache = new OpenCache();
    const asked: Open[] = ["a", "b", "c"].flatMap((service) => [{ service }, { service, kind: "udp" }]);
    const payloads = asked.map((open) => cache.encode(open));
    const decoded = payloads.map((payload) => cache.decode(payload));
    for (let round = 0; round < 3; round++) {
      for (const [at, open] of asked.entries()) {
        expect(cache.encode(open)).toBe(payloads[at]);
        expect(cache.decode(payloads[at] ?? new Uint8Array(0))).toBe(decoded[at]);
      }
    }
  });

  it("decodes what it encoded, for any sequence of OPENs", () => {
    fc.assert(
      fc.property(fc.array(opens, { maxLength: 60 }), (sequence) => {
        const [ours, theirs] = [new OpenCache(), new OpenCache()];
        for (const open of sequence) {
          const payload = ours.encode(open);
          expect(theirs.decode(payload)).toEqual(open);
          expect(parseOpen(payload)).toEqual(open);
        }
      }),
    );
  });

  it("decodes every payload as a parse of its whole does, malformed ones too", () => {
    const outcome = (decode: () => Open) => {
      try {
        return decode();
      } catch (thrown) {
        return thrown instanceof FairleadError ? thrown.code : thrown;
      }
    };
    const fragments = fc.constantFrom(
      ...['{"service":"api"', ',"hops":1', ',"x":"', ',"x":{', `,"traceparent":"${TRACE}"`, "}", " ", "\\"],
      ...[`,"traceparent":"${TRACE.replace("4", "z")}"`, `"traceparent":"${TRACE}",`, "{", '"', ',"y":[1'],
    );
    // What a JSON object with a name twice means is not defined (RFC 8259 §4).
    const isDefined = (payload: string) => payload.split('"traceparent"').length <= 2;
    const anyText = fc.oneof(
      fc.array(fragments, { maxLength: 6 }).map((parts) => parts.join("")),
      fc.array(fragments, { maxLength: 4 }).map((parts) => `{"service":"api"${parts.join("")}}`),
    );
    const payloads = anyText.filter(isDefined);
    fc.assert(
      fc.property(fc.array(payloads, { maxLength: 20 }), (sequence) => {
        const cache = new OpenCache();
        for (const payload of [...sequence, ...sequence]) {
          const parsed = outcome(() => parseOpen(bytes(payload)));
          expect(outcome(() => cache.decode(bytes(payload)))).toEqual(parsed);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    `{"service":"api","traceparent":"${TRACE}""`,
    `{"service":"api","traceparent":"${TRACE}"]`,
    `{"service":"api","traceparent":"${TRACE}z}`,
  ])("refuses a trace context that is not closed: %s", (payload) => {
    expect(() => new OpenCache().decode(bytes(payload))).toThrow(
      expect.objectContaining({ code: "session.malformed" }),
    );
  });

  it("keeps no reference to a payload that it decoded", () => {
    const cache = new OpenCache();
    const payload = bytes('{"service":"api"}');
    cache.decode(payload);
    payload.set(bytes("xyz"), 12);
    expect(cache.decode(bytes('{"service":"api"}'))).toEqual({ service: "api" });
  });
});

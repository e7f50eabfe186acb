import { describe, expect, it } from "vitest";
import { batchesOf, isTracingWanted, samplerOf } from "../../../../connector/tracing/tracing-variables.ts";

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4318" };

describe("isTracingWanted", () => {
  it("is true with an endpoint of OTLP, for traces or for everything", () => {
    expect(isTracingWanted(ENDPOINT)).toBe(true);
    expect(isTracingWanted({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:4318/v1/traces" })).toBe(
      true,
    );
  });

  it.each([
    {},
    { OTEL_EXPORTER_OTLP_ENDPOINT: "" },
    { ...ENDPOINT, OTEL_SDK_DISABLED: "TRUE" },
    { ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" },
  ])("is false with %j", (environment) => {
    expect(isTracingWanted(environment)).toBe(false);
  });
});

describe("samplerOf", () => {
  it.each([
    [undefined, undefined, true, 1],
    ["always_on", undefined, false, 1],
    ["always_off", undefined, false, 0],
    ["parentbased_always_off", undefined, true, 0],
    ["traceidratio", "0.25", false, 0.25],
    ["parentbased_traceidratio", "0.5", true, 0.5],
    ["traceidratio", "7", false, 1],
    ["xray", undefined, true, 1],
  ])("reads %s with %s", (name, argument, isParentBased, ratio) => {
    expect(samplerOf({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: argument })).toEqual({
      isParentBased,
      ratio,
    });
  });
});

describe("batchesOf", () => {
  it("reads what is given as a positive number", () => {
    expect(batchesOf({ OTEL_BSP_SCHEDULE_DELAY: "100", OTEL_BSP_MAX_QUEUE_SIZE: "many" })).toEqual({
      scheduledDelayMillis: 100,
    });
  });
});

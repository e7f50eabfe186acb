/** The variables of OpenTelemetry that decide what is traced, and how spans are exported. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Which traces that begin here are sampled; a trace that the client began is sampled as the client decided. */
export interface SamplerOption {
  /** Whether the decision of the client counts, where there is one. */
  readonly isParentBased: boolean;
  /** The share of traces that are sampled, from 0 to 1. */
  readonly ratio: number;
}

const RATIOS: Readonly<Record<string, number | null>> = {
  always_on: 1,
  always_off: 0,
  traceidratio: null,
};

/** Whether traces are exported: an endpoint is named, and nothing turns tracing off. */
export function isTracingWanted(environment: Environment): boolean {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = environment;
  if (!OTEL_EXPORTER_OTLP_ENDPOINT && !OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return false;
  if (environment.OTEL_SDK_DISABLED?.toLowerCase() === "true") return false;
  return environment.OTEL_TRACES_EXPORTER !== "none";
}

/**
 * Reads OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG. As OpenTelemetry asks for, a value that is not known counts as
 * none: then every trace is sampled, unless the client decided otherwise.
 */
export function samplerOf(environment: Environment): SamplerOption {
  const name = environment.OTEL_TRACES_SAMPLER?.trim() || "parentbased_always_on";
  const isParentBased = name.startsWith("parentbased_");
  const ratio = RATIOS[isParentBased ? name.slice("parentbased_".length) : name];
  if (ratio === undefined) return { isParentBased: true, ratio: 1 };
  return { isParentBased, ratio: ratio ?? ratioOf(environment.OTEL_TRACES_SAMPLER_ARG) };
}

function ratioOf(text: string | undefined): number {
  const ratio = Number(text ?? "1");
  return ratio >= 0 && ratio <= 1 ? ratio : 1;
}

/** How spans are collected before they are exported, in the form of the processor. Undefined: as it does by itself. */
export interface BatchOptions {
  readonly scheduledDelayMillis?: number | undefined;
  readonly exportTimeoutMillis?: number | undefined;
  readonly maxQueueSize?: number | undefined;
  readonly maxExportBatchSize?: number | undefined;
}

/** Reads the variables OTEL_BSP_*. Values that are no positive numbers count as none. */
export function batchesOf(environment: Environment): BatchOptions {
  const given = {
    scheduledDelayMillis: positive(environment.OTEL_BSP_SCHEDULE_DELAY),
    exportTimeoutMillis: positive(environment.OTEL_BSP_EXPORT_TIMEOUT),
    maxQueueSize: positive(environment.OTEL_BSP_MAX_QUEUE_SIZE),
    maxExportBatchSize: positive(environment.OTEL_BSP_MAX_EXPORT_BATCH_SIZE),
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function positive(text: string | undefined): number | undefined {
  const number = Number(text);
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

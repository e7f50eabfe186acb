/** Metrics as data: families with their samples, before they are written in a format of Prometheus. */

/** The type of a metric. */
export type MetricType = "counter" | "gauge" | "histogram";

/** What a metric is: its name, meaning and labels. */
export interface Metric<Label extends string = string> {
  /** The whole name. A counter's ends in `_total`. */
  readonly name: string;
  readonly type: MetricType;
  /** What it counts or measures, as a sentence. */
  readonly help: string;
  /** The labels that samples may have. A label without a value is left out of a sample, which means the same. */
  readonly labels: readonly Label[];
}

/** The labels of a sample. Those that are empty, null or undefined are left out. */
export type Labels<Label extends string = string> = Readonly<Partial<Record<Label, string | null>>>;

/** The observations of a histogram, in the unit of its metric's name. */
export interface HistogramValue {
  /** Upper bounds of the buckets, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** Observations in each bucket alone, with that above the last bound at the end. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export interface Sample {
  readonly labels: Labels;
  readonly value: number | HistogramValue;
}

/** A metric with its samples. No two samples have the same labels. */
export interface MetricFamily {
  readonly metric: Metric;
  readonly samples: readonly Sample[];
}

/** A family of one metric, whose samples have that metric's labels and no others. */
export function family<Label extends string>(
  metric: Metric<Label>,
  samples: readonly { readonly labels: Labels<Label>; readonly value: number | HistogramValue }[],
): MetricFamily {
  return { metric, samples };
}

/**
 * The text forms in which Prometheus and its like read metrics: the text exposition format 0.0.4, and OpenMetrics 1.0.0
 * for scrapers that ask for it.
 */
import type { HistogramValue, Labels, MetricFamily, Sample } from "./metric.ts";

export type ExpositionFormat = "text" | "openmetrics";

/** The `content-type` of each format. */
export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Units that OpenMetrics knows from the end of a name. */
const UNITS = ["seconds", "bytes", "ratio", "microseconds"] as const;

/** The format for a request with this `accept` header: OpenMetrics where it is preferred, text otherwise. */
export function formatOf(accept: string | null | undefined): ExpositionFormat {
  let best = { format: "text" as ExpositionFormat, quality: 0 };
  for (const range of (accept ?? "").split(",")) {
    const [type = "", ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    const format = type === "application/openmetrics-text" ? "openmetrics" : textFormatOf(type);
    const quality = qualityOf(parameters);
    if (format !== null && quality > best.quality) best = { format, quality };
  }
  return best.format;
}

const textFormatOf = (type: string) =>
  type === "text/plain" || type === "text/*" || type === "*/*" ? "text" : null;

function qualityOf(parameters: readonly string[]): number {
  const given = parameters.find((parameter) => parameter.startsWith("q="));
  const quality = given === undefined ? 1 : Number(given.slice(2));
  return Number.isFinite(quality) ? quality : 0;
}

/**
 * Writes families in a format. Families without samples are left out, and a metric without a finite value is "NaN" or an
 * infinity, as the formats have it.
 */
export function exposition(families: Iterable<MetricFamily>, format: ExpositionFormat = "text"): string {
  const lines: string[] = [];
  for (const { metric, samples } of families) {
    if (samples.length === 0) continue;
    const { name, type, help } = metric;
    // OpenMetrics names a counter's family without the suffix of its sample.
    const title = format === "openmetrics" && type === "counter" ? name.replace(/_total$/, "") : name;
    lines.push(`# HELP ${title} ${escapeHelp(help, format)}`, `# TYPE ${title} ${type}`);
    const unit = UNITS.find((each) => title.endsWith(`_${each}`));
    if (format === "openmetrics" && unit !== undefined) lines.push(`# UNIT ${title} ${unit}`);
    for (const sample of samples) writeSample(lines, name, sample, format);
  }
  if (format === "openmetrics") lines.push("# EOF");
  return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
}

function writeSample(
  lines: string[],
  name: string,
  { labels, value }: Sample,
  format: ExpositionFormat,
): void {
  const written = writeLabels(labels);
  if (typeof value === "number") {
    lines.push(`${name}${braced(written)} ${formatNumber(value)}`);
    return;
  }
  writeHistogram(lines, name, { written, value, format });
}

interface WrittenHistogram {
  readonly written: string;
  readonly value: HistogramValue;
  readonly format: ExpositionFormat;
}

function writeHistogram(lines: string[], name: string, { written, value, format }: WrittenHistogram): void {
  const prefix = written === "" ? "" : `${written},`;
  const { bounds, counts, sum } = value;
  let total = 0;
  for (const [index, bound] of bounds.entries()) {
    total += counts[index] ?? 0;
    lines.push(`${name}_bucket{${prefix}le="${formatBound(bound, format)}"} ${total}`);
  }
  total += counts[bounds.length] ?? 0;
  lines.push(
    `${name}_bucket{${prefix}le="+Inf"} ${total}`,
    `${name}_sum${braced(written)} ${formatNumber(sum)}`,
    `${name}_count${braced(written)} ${total}`,
  );
}

const braced = (labels: string) => (labels === "" ? "" : `{${labels}}`);

function writeLabels(labels: Labels): string {
  const written: string[] = [];
  for (const [name, value] of Object.entries(labels))
    if (typeof value === "string" && value !== "") written.push(`${name}="${escapeLabel(value)}"`);
  return written.join(",");
}

/** A label's value between its quotes. Any text is allowed; only these three are written with a backslash. */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** Quotes are escaped in the help of OpenMetrics only. */
function escapeHelp(text: string, format: ExpositionFormat): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openmetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}

function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}

/** OpenMetrics writes bounds as floats, so that "1" and "1.0" are not two series. */
function formatBound(bound: number, format: ExpositionFormat): string {
  return format === "openmetrics" && Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

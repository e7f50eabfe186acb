/** Values over time, as a drawing and as a table. The drawing is loaded when it is needed. */
import { lazy, Suspense } from "react";
import { clockText } from "../format/time.ts";
import type { ChartSeries } from "./chart-series.ts";
import "./chart.css";

const Plot = lazy(() => import("./plot.tsx"));

interface ChartProps {
  readonly title: string;
  /** Series with the same times. */
  readonly series: readonly ChartSeries[];
  /** The length of a step, s. */
  readonly stepSeconds: number;
  readonly format: (value: number) => string;
}

export function Chart({ title, series, stepSeconds, format }: ChartProps) {
  return (
    <figure className="fl-chart">
      <figcaption>{title}</figcaption>
      <ul className="fl-chart__now">
        {series.map(({ name, tone, values }) => (
          <li key={name}>
            <span className={`fl-chart__mark fl-chart__mark--${tone}`} />
            {name} <strong className="fl-figure">{textOf(lastOf(values), format)}</strong>
            <span className="fl-subtle fl-figure"> · highest {textOf(highestOf(values), format)}</span>
          </li>
        ))}
      </ul>
      <div className="fl-chart__plot" aria-hidden>
        <Suspense fallback={null}>
          <Plot series={series} stepSeconds={stepSeconds} format={format} />
        </Suspense>
      </div>
      <DataTable title={title} series={series} stepSeconds={stepSeconds} format={format} />
    </figure>
  );
}

function DataTable({ title, series, stepSeconds, format }: ChartProps) {
  const times = series[0]?.times ?? [];
  return (
    <details className="fl-chart__data">
      <summary>As a table</summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls has to be reached by keyboards */}
      <section className="fl-chart__scroll" aria-label={`${title}, as a table`} tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">From</th>
              {series.map(({ name }) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {times
              .map((time, index) => ({ time, index }))
              .reverse()
              .map(({ time, index }) => (
                <tr key={time}>
                  <th scope="row">{timeText(time, stepSeconds)}</th>
                  {series.map(({ name, values }) => (
                    <td key={name}>{textOf(values[index] ?? null, format)}</td>
                  ))}
                </tr>
              ))}
          </tbody>
        </table>
      </section>
    </details>
  );
}

const textOf = (value: number | null, format: (value: number) => string) =>
  value === null ? "–" : format(value);

const lastOf = (values: readonly (number | null)[]) => values.findLast((value) => value !== null) ?? null;

const highestOf = (values: readonly (number | null)[]) =>
  values.reduce((most, value) => (value !== null && (most === null || value > most) ? value : most), null);

/** The start of a step, s since 1970: with the day where steps are long. */
export function timeText(seconds: number, stepSeconds: number): string {
  if (stepSeconds < 600) return clockText(seconds * 1000);
  return new Intl.DateTimeFormat(undefined, {
    month: "short",
    day: "numeric",
    ...(stepSeconds < 86_400 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : {}),
  }).format(seconds * 1000);
}

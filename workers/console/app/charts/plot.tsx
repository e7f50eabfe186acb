/** The drawing of a chart. */
import { useEffect, useRef, useState } from "react";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ChartSeries, SeriesTone } from "./chart-series.ts";

interface PlotProps {
  readonly series: readonly ChartSeries[];
  readonly stepSeconds: number;
  readonly format: (value: number) => string;
}

const HEIGHT = 160;
const AXIS_HEIGHT = 28;
const AXIS_WIDTH = 74;

/** Custom properties with the colours of the series, which the themes set. */
const COLOURS: Readonly<Record<SeriesTone, string>> = {
  first: "--fl-chart-first",
  second: "--fl-chart-second",
  bad: "--fl-chart-bad",
};

export default function Plot({ series, stepSeconds, format }: PlotProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef({ series, format });
  latest.current = { series, format };
  const theme = useThemeClass();
  const key = series.map(({ name, tone }) => `${name} ${tone}`).join("\n");

  // biome-ignore lint/correctness/useExhaustiveDependencies: drawn anew for other series and another theme alone
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new UPlot(
      optionsOf(element, latest.current.series, stepSeconds, (value) => latest.current.format(value)),
      dataOf(latest.current.series),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [key, stepSeconds, theme]);

  useEffect(() => plot.current?.setData(dataOf(series)), [series]);
  return <div ref={place} className="fl-plot" />;
}

const dataOf = (series: readonly ChartSeries[]): UPlot.AlignedData => [
  [...(series[0]?.times ?? [])],
  ...series.map(({ values }) => [...values]),
];

function optionsOf(
  element: HTMLElement,
  series: readonly ChartSeries[],
  stepSeconds: number,
  format: (value: number) => string,
): UPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--fl-chart-text"),
    grid: { stroke: colour("--fl-chart-grid"), width: 1 },
    ticks: { show: false },
    font: `12px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { show: false } },
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.1 : 1] } },
    axes: [
      {
        ...axis,
        size: AXIS_HEIGHT,
        values: (_, splits, __, ___, increment) => splits.map((at) => axisTime(at, increment)),
      },
      { ...axis, size: AXIS_WIDTH, values: (_, splits) => splits.map((value) => format(value)) },
    ],
    series: [
      {},
      ...series.map(({ name, tone }) => ({
        label: name,
        stroke: colour(COLOURS[tone]),
        width: 2,
        ...(tone === "first"
          ? { fill: `color-mix(in srgb, ${colour(COLOURS[tone])} 12%, transparent)` }
          : {}),
        points: { show: false },
        spanGaps: stepSeconds < 60,
      })),
    ],
  };
}

function axisTime(seconds: number, increment: number): string {
  const options: Intl.DateTimeFormatOptions =
    increment >= 86_400
      ? { month: "short", day: "numeric" }
      : { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Intl.DateTimeFormat(undefined, options).format(seconds * 1000);
}

/** The classes of the document, which change with the theme. */
function useThemeClass(): string {
  const [theme, setTheme] = useState(() => document.documentElement.className);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(document.documentElement.className));
    observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
    return () => observer.disconnect();
  }, []);
  return theme;
}

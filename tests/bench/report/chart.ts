/** The chart of the README: an SVG with one panel for each headline figure. */
import { figureOf, type Results } from "../results.ts";
import type { SystemId } from "../systems/system.ts";
import { number } from "./rows.ts";

interface Panel {
  readonly measure: string;
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly scale: number;
}

const PANELS: readonly Panel[] = [
  { measure: "bulk-1-down", metric: "rate", title: "Bulk, 1 stream", unit: "Gb/s", scale: 1e9 },
  { measure: "bulk-8-down", metric: "rate", title: "Bulk, 8 streams", unit: "Gb/s", scale: 1e9 },
  { measure: "connections", metric: "perSecond", title: "New connections", unit: "per second", scale: 1 },
  { measure: "requests-1", metric: "perSecond", title: "HTTP, 1 connection", unit: "requests/s", scale: 1 },
  {
    measure: "requests-10",
    metric: "perSecond",
    title: "HTTP, 10 connections",
    unit: "requests/s",
    scale: 1,
  },
  {
    measure: "requests-100",
    metric: "perSecond",
    title: "HTTP, 100 connections",
    unit: "requests/s",
    scale: 1,
  },
];

/** Systems in the panels. The direct connection is in the text only, because its bar would dwarf the others. */
const BARS: readonly { readonly system: SystemId; readonly label: string }[] = [
  { system: "fairlead", label: "Fairlead" },
  { system: "hop", label: "hop only" },
  { system: "nginx", label: "nginx TLS" },
  { system: "ssh", label: "OpenSSH" },
];

const COLUMNS = 3;
const PANEL = { width: 292, gap: 20, titleHeight: 46, rowHeight: 26, bottom: 14 } as const;
const MARGIN = 24;
const LABEL_WIDTH = 68;
const VALUE_WIDTH = 52;
const BAR_HEIGHT = 16;
const HEAD = 62;
const FOOT = 34;

const STYLE = `
  text { font: 13px -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2933; }
  .card { fill: #ffffff; stroke: #d9e0e7; }
  .head { font-size: 17px; font-weight: 600; }
  .title { font-weight: 600; }
  .quiet { fill: #64717f; font-size: 12px; }
  .value { font-variant-numeric: tabular-nums; }
  .own { font-weight: 600; }
  .fairlead { fill: #0b6bcb; } .hop { fill: #6fb1ec; } .nginx { fill: #8b97a4; } .ssh { fill: #bcc5ce; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e9ee; }
    .card { fill: #12181f; stroke: #2b3641; }
    .quiet { fill: #93a1ae; }
    .fairlead { fill: #4aa3ff; } .hop { fill: #2c669e; } .nginx { fill: #7d8995; } .ssh { fill: #4d5864; }
  }`;

/** Draws the chart without panels and bars that have no figures. */
export function chart(results: Results): string {
  const bars = BARS.filter(({ system }) => results.systems.some(({ id }) => id === system));
  const panels = PANELS.filter(({ measure, metric }) =>
    bars.some(({ system }) => figureOf(results, measure, system, metric) !== undefined),
  );
  const panelHeight = PANEL.titleHeight + bars.length * PANEL.rowHeight + PANEL.bottom;
  const lines = Math.ceil(panels.length / COLUMNS);
  const width = 2 * MARGIN + COLUMNS * PANEL.width + (COLUMNS - 1) * PANEL.gap;
  const height = HEAD + lines * panelHeight + FOOT;
  const drawn = panels.map((panel, at) => {
    const x = MARGIN + (at % COLUMNS) * (PANEL.width + PANEL.gap);
    const y = HEAD + Math.floor(at / COLUMNS) * panelHeight;
    return `<g transform="translate(${x} ${y})">${drawPanel(results, panel, bars)}</g>`;
  });
  const { cores, cpu } = results.machine;
  const hop = bars.some(({ system }) => system === "hop")
    ? " “hop only” encrypts from hop to hop, as the chain does."
    : "";
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">
<title id="title">Fairlead beside an nginx TLS chain and an OpenSSH bastion</title>
<desc id="description">${escapeXml(describe(results, panels, bars))}</desc>
<style>${STYLE}
</style>
<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"/>
<text class="head" x="${MARGIN}" y="36">Site to site through one hub, encrypted; longer is better</text>
${drawn.join("\n")}
<text class="quiet" x="${MARGIN}" y="${height - 16}">${escapeXml(`Everything on one machine, ${cores} cores (${cpu}); ${results.rounds === 1 ? "one round" : `medians of ${results.rounds} interleaved rounds`}.${hop}`)}</text>
</svg>
`;
}

function drawPanel(results: Results, panel: Panel, bars: typeof BARS): string {
  const figure = (system: SystemId) => figureOf(results, panel.measure, system, panel.metric);
  const longest = Math.max(...bars.map(({ system }) => figure(system) ?? 0));
  const direct = figure("direct");
  const room = PANEL.width - LABEL_WIDTH - VALUE_WIDTH;
  const note =
    direct === undefined ? panel.unit : `${panel.unit}; without a tunnel ${number(direct / panel.scale)}`;
  const rows = bars.map(({ system, label }, at) => {
    const value = figure(system);
    const y = PANEL.titleHeight + at * PANEL.rowHeight;
    const length = value === undefined ? 0 : Math.max(2, (value / longest) * room);
    const own = system === "fairlead" ? " own" : "";
    const middle = y + BAR_HEIGHT / 2 + 4.5;
    return `<text class="${own.trim()}" x="0" y="${middle}">${label}</text><rect class="${system}" x="${LABEL_WIDTH}" y="${y}" width="${length.toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/><text class="value${own}" x="${(LABEL_WIDTH + length + 7).toFixed(1)}" y="${middle}">${value === undefined ? "–" : number(value / panel.scale)}</text>`;
  });
  return `<text class="title" x="0" y="14">${panel.title}</text><text class="quiet" x="0" y="32">${escapeXml(note)}</text>${rows.join("")}`;
}

/** Text alternative of the chart. */
function describe(results: Results, panels: readonly Panel[], bars: typeof BARS): string {
  return panels
    .map(({ measure, metric, title, unit, scale }) => {
      const figures = bars.flatMap(({ system, label }) => {
        const value = figureOf(results, measure, system, metric);
        return value === undefined ? [] : [`${label} ${number(value / scale)}`];
      });
      return `${title}, ${unit}: ${figures.join(", ")}.`;
    })
    .join(" ");
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

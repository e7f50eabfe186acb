/**
 * Measures the topology page in a browser with a network that does not exist, after `npm run build:console`:
 * `node tests/bench/console/topology-frames.ts [--sites 300] [--changes 10] [--seconds 20]`.
 */
import { parseArgs } from "node:util";
import { openBrowser } from "../../support/browser/test-browser.ts";
import { ConsoleStandIn } from "../../support/console-stand-in/stand-in.ts";
import { freePort } from "../../support/free-port.ts";

const { values } = parseArgs({
  options: {
    sites: { type: "string", default: "300" },
    changes: { type: "string", default: "10" },
    seconds: { type: "string", default: "20" },
  },
});
const [sites, changes, seconds] = [Number(values.sites), Number(values.changes), Number(values.seconds)];

/** Resolves in the page when every site is drawn, with the time since the navigation, ms. */
const ALL_DRAWN = `new Promise((resolve) => {
  const look = () => document.querySelectorAll(".react-flow__node-site").length >= ${sites}
    ? requestAnimationFrame(() => resolve(performance.now())) : requestAnimationFrame(look);
  look();
})`;

/** Resolves with the times between frames, ms. */
const FRAMES = `new Promise((resolve) => {
  const times = [];
  let last = performance.now();
  const end = last + ${seconds * 1000};
  const frame = (now) => {
    times.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(frame); else resolve(times);
  };
  requestAnimationFrame(frame);
})`;

const standIn = await ConsoleStandIn.start({
  port: await freePort(),
  sites,
  changes,
  role: "viewer",
  broken: true,
});
const browser = await openBrowser();
try {
  await using opened = await browser.page({ theme: "light", width: 1280 });
  await opened.page.goto(`${standIn.url}networks/${standIn.network.name}/topology`, { waitUntil: "commit" });
  const drawn: number = await opened.page.evaluate(ALL_DRAWN);
  const paint: number = await opened.page.evaluate(
    'performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0',
  );
  const frames: number[] = await opened.page.evaluate(FRAMES);
  const sorted = frames.toSorted((a, b) => a - b);
  const quantile = (q: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0).toFixed(1);
  console.log(`${sites} sites, ${changes} changes a second, ${seconds} s`);
  console.log(`first paint ${paint.toFixed(0)} ms, all sites drawn after ${drawn.toFixed(0)} ms`);
  console.log(`frames: p50 ${quantile(0.5)} ms, p95 ${quantile(0.95)} ms, p99 ${quantile(0.99)} ms`);
} finally {
  await browser.close();
  await standIn.stop();
}

/** Every page of the console, by the rules of axe-core: contrast, names, headings, landmarks and the like. */
import axe from "axe-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  openBrowser,
  type TestBrowser,
  THEMES,
  type Theme,
  WIDTHS,
  type Width,
} from "../support/browser/test-browser.ts";
import type { TestPage } from "../support/browser/test-page.ts";
import { ConsoleStandIn } from "../support/console-stand-in/stand-in.ts";
import { freePort } from "../support/free-port.ts";

/** Paths below the network, each with what shows that the page is there. */
const PAGES: readonly (readonly [path: string, shown: string])[] = [
  ["", heading("Overview")],
  ["topology?view=sites", ".react-flow__node-site"],
  ["topology?view=sites&show=edge", "section.fl-panel"],
  ["topology?view=services", ".react-flow__node-part"],
  ["topology?view=list", "table"],
  ["services", heading("Services")],
  ["services/orders", ".fl-chart canvas"],
  ["services/none", heading("none")],
  ["flows", ".fl-flow--row"],
  ["flows?show=kept", ".fl-flow--failed"],
  ["check", heading("Check a path")],
  ["check?from=dublin&service=orders", ".fl-check__verdict--broken"],
  ["events", heading("Events")],
  ["sites", heading("Sites")],
  ["sites/berlin", heading("berlin")],
  ["sites/none", heading("none")],
  ["links", heading("Links")],
  ["tokens", heading("Tokens")],
  ["keys", heading("Keys")],
  ["settings", heading("Settings")],
];

/** What opens on a page: its path, what is pressed there, and what then shows. */
const OPENED: readonly (readonly [path: string, pressed: string, shown: string])[] = [
  ["flows?show=kept", ".fl-flow--row", ".fl-flow-detail"],
  ["sites/berlin", 'button:has-text("Revoke site")', '[role="dialog"]'],
  ["tokens", 'button:has-text("Create token")', '[data-testid="token-file"]'],
];

/**
 * The rule that a name contains the text on its control. A node of the graph of sites is named by its site and state; the
 * figures below, some of which change each second, stand in the details that it opens.
 */
const NAMED_BY_TEXT = JSON.stringify({
  id: "label-content-name-mismatch",
  selector: "*:not(.react-flow__node-site, .react-flow__node-edge)",
});

/** Waits, in the page, until nothing of it is loading, and returns each breach of a rule with its place. */
const BREACHES = `new Promise((settled) => {
  const look = () =>
    document.querySelector("[aria-label^='Loading']") === null ? settled() : requestAnimationFrame(look);
  look();
})
  .then(() => axe.configure({ rules: [${NAMED_BY_TEXT}] }))
  .then(() => axe.run(document, { resultTypes: ["violations"] }))
  .then(({ violations }) =>
    violations.flatMap(({ id, nodes }) =>
      nodes.map(({ target, failureSummary }) => id + " at " + target.join(" ") + ": " + failureSummary),
    ),
  )`;

let browser: TestBrowser;
let network: ConsoleStandIn;
let nobody: ConsoleStandIn;

beforeAll(async () => {
  const options = { sites: 12, changes: 0, broken: true };
  browser = await openBrowser();
  network = await ConsoleStandIn.start({ ...options, port: await freePort(), role: "admin" });
  nobody = await ConsoleStandIn.start({ ...options, port: await freePort(), role: null });
});

afterAll(async () => {
  await network.stop();
  await nobody.stop();
  await browser.close();
});

function heading(name: string): string {
  return `h1:has-text("${name}")`;
}

/** The breaches on the page, once it shows something. */
async function breaches({ page }: TestPage, path: string, shown: string): Promise<string[]> {
  await page.locator(shown).first().waitFor();
  const found: string[] = await page.evaluate(BREACHES);
  return found.map((each) => `${path || "overview"}: ${each}`);
}

/** The breaches on all pages at a width. */
async function breachesAt(theme: Theme, width: Width): Promise<string[]> {
  await using opened = await browser.page({ theme, width });
  const { page } = opened;
  await page.addInitScript(axe.source);
  await page.goto(`${nobody.url}sign-in`);
  const found = await breaches(opened, "sign-in", heading("Sign in"));
  const base = `${network.url}networks/${network.network.name}`;
  await page.goto(base);
  // The router follows the address without loading the page anew.
  const show = (path: string) =>
    page.evaluate(`history.pushState(null, "", ${JSON.stringify(`${base}/${path}`)})`);
  for (const [path, shown] of PAGES) {
    await show(path);
    found.push(...(await breaches(opened, path, shown)));
  }
  for (const [path, pressed, shown] of OPENED) {
    await show(path);
    await page.locator(pressed).first().click();
    found.push(...(await breaches(opened, `${path} with ${shown}`, shown)));
    await page.keyboard.press("Escape");
  }
  return found.map((each) => `${width} px, ${each}`);
}

/**
 * The widths of each theme. `npm test` takes one for each, since all six look at every page six times;
 * FAIRLEAD_EVERY_WIDTH=1 takes all.
 */
const SHOWN: Record<Theme, readonly Width[]> =
  process.env.FAIRLEAD_EVERY_WIDTH === "1" ? { light: WIDTHS, dark: WIDTHS } : { light: [1280], dark: [360] };

describe.each(THEMES)("the console in its %s theme", (theme) => {
  it("breaks no rule for accessible pages", async () => {
    const found = await Promise.all(SHOWN[theme].map((width) => breachesAt(theme, width)));
    expect(found.flat()).toEqual([]);
  });
});

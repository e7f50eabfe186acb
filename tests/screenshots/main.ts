/**
 * npm run screenshots: pictures of every page of the console, at three widths and in both themes, for people.
 *
 *     --url URL        the console: http://127.0.0.1:PORT/console/, or a one-time link of `fairlead console`
 *     --routes A,B     paths below the console; by default all pages
 *     --widths A,B     by default 360,1280,1920
 *     --themes A,B     by default light,dark
 *     --settle MS      how long a page may load and draw before its picture is taken; by default 1500
 *     --out FOLDER     by default screenshots
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  openBrowser,
  type TestBrowser,
  THEMES,
  type Theme,
  WIDTHS,
  type Width,
} from "../support/browser/test-browser.ts";
import { ROUTES } from "./routes.ts";

const { values: options } = parseArgs({
  options: {
    url: { type: "string" },
    routes: { type: "string", default: ROUTES.join(",") },
    widths: { type: "string", default: WIDTHS.join(",") },
    themes: { type: "string", default: THEMES.join(",") },
    settle: { type: "string", default: "1500" },
    out: { type: "string", default: "screenshots" },
  },
});

/** The values of a list with commas that are among the possible ones. @throws Error for any other */
function chosen<T extends string | number>(list: string, possible: readonly T[]): T[] {
  return list.split(",").map((text) => {
    const value = possible.find((each) => String(each) === text.trim());
    if (value === undefined) throw new Error(`"${text}" is none of ${possible.join(", ")}.`);
    return value;
  });
}

/** Opens the console once, which uses up a one-time link. Returns the cookies and storage of whoever is signed in. */
async function signedIn(browser: TestBrowser, url: string) {
  const opened = await browser.page();
  await opened.page.goto(url);
  await pause(Number(options.settle));
  const state = await opened.page.context().storageState();
  await opened.close();
  return state;
}

/** The name of a picture, such as `topology-360-dark.png`. */
function fileName(route: string, width: Width, theme: Theme): string {
  const page = route.replaceAll(/[^a-z0-9]+/gi, "-").replaceAll(/^-|-$/g, "") || "overview";
  return `${page}-${width}-${theme}.png`;
}

async function takeAll(url: string): Promise<void> {
  const browser = await openBrowser();
  try {
    const state = await signedIn(browser, url);
    const base = new URL("/console/", url).href;
    for (const theme of chosen(options.themes, THEMES)) {
      for (const width of chosen(options.widths, WIDTHS)) {
        const opened = await browser.page({ theme, width, state });
        for (const route of options.routes.split(",")) {
          await opened.page.goto(new URL(route.replace(/^\//, ""), base).href);
          await pause(Number(options.settle));
          const file = join(options.out, fileName(route, width, theme));
          await opened.screenshot(file);
          console.log(file);
          for (const problem of opened.problems) console.log(`  ${problem}`);
          opened.forgive(/./s);
        }
        await opened.close();
      }
    }
  } finally {
    await browser.close();
  }
}

if (options.url === undefined) {
  console.error("Name the console with --url. `fairlead console --no-open` prints a link.");
  process.exitCode = 2;
} else {
  await takeAll(options.url);
}

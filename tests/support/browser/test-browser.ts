/** A real Chromium for tests and screenshots. The pages have no way out of this machine. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, chromium } from "playwright-core";
import { type BrowserProgram, browserProgram } from "./browser-program.ts";
import { TestPage } from "./test-page.ts";

/** The widths that every page must be readable at, CSS pixels: a telephone, a laptop, a large screen. */
export const WIDTHS = [360, 1280, 1920] as const;
export const THEMES = ["light", "dark"] as const;

export type Width = (typeof WIDTHS)[number];
export type Theme = (typeof THEMES)[number];

/** Heights that go with the widths, CSS pixels. */
const HEIGHTS: Readonly<Record<Width, number>> = { 360: 740, 1280: 800, 1920: 1080 };

/** A DNS name that its owner bound to this machine, as a page does that attacks listeners on loopback. */
export const REBOUND = "rebound.example";

/** Limit for what a page is waited for, ms. A machine may be busy. */
const LIMIT = 120_000;

export interface PageOptions {
  /** What the page learns of the user's preference; by default light. */
  readonly theme?: Theme;
  /** By default 1280. */
  readonly width?: Width;
  /** Whether the user prefers no motion; by default true, so that screenshots are the same each time. */
  readonly reducedMotion?: boolean;
  /**
   * Whether certificates that nobody vouches for are accepted; by default false. The packaged browser opens https pages
   * only where libsqlite3 is installed, so no test of `npm test` has any.
   */
  readonly ignoreHTTPSErrors?: boolean;
  /** Cookies and storage of another page, from `page.context().storageState()`; by default none. */
  readonly state?: BrowserState;
}

export type BrowserState = Awaited<ReturnType<BrowserContext["storageState"]>>;

/** One process for all tests of a file. Each page has cookies and storage of its own. */
export class TestBrowser {
  readonly #browser: Browser;
  readonly #home: string;

  constructor(browser: Browser, home: string) {
    this.#browser = browser;
    this.#home = home;
  }

  get version(): string {
    return this.#browser.version();
  }

  /** Opens an empty page in a context of its own. */
  async page(options: PageOptions = {}): Promise<TestPage> {
    const { theme = "light", width = 1280, reducedMotion = true, ignoreHTTPSErrors = false, state } = options;
    const context = await this.#browser.newContext({
      colorScheme: theme,
      viewport: { width, height: HEIGHTS[width] },
      reducedMotion: reducedMotion ? "reduce" : "no-preference",
      locale: "en-GB",
      timezoneId: "UTC",
      ignoreHTTPSErrors,
      ...(state !== undefined && { storageState: state }),
    });
    context.setDefaultTimeout(LIMIT);
    return await TestPage.in(context);
  }

  async close(): Promise<void> {
    await this.#browser.close();
    // Chromium's helpers may write for a moment after it has ended.
    await rm(this.#home, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** Starts a browser. Its owner closes it. @throws Error when there is none for this machine, or it does not start */
export async function openBrowser(): Promise<TestBrowser> {
  const program = await browserProgram();
  // Chromium and its libraries keep files in the home directory, which a user of a service does not have.
  const home = await mkdtemp(join(tmpdir(), "fl-browser-"));
  try {
    return new TestBrowser(await launch(program, home), home);
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
}

/** Starts the program in its sandbox, or without where the machine allows none. */
async function launch({ path, env }: BrowserProgram, home: string): Promise<Browser> {
  const start = (chromiumSandbox: boolean) =>
    chromium.launch({
      executablePath: path,
      chromiumSandbox,
      env: { PATH: process.env.PATH ?? "", HOME: home, TMPDIR: process.env.TMPDIR ?? tmpdir(), ...env },
      // Other names resolve to nothing and loopback alone is reachable; containers have a small /dev/shm.
      args: [
        `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.*, EXCLUDE [::1]`,
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--font-render-hinting=none",
      ],
      timeout: LIMIT,
      // The tests decide when to end.
      handleSIGINT: false,
      handleSIGTERM: false,
      handleSIGHUP: false,
    });
  // Chromium refuses to run as root in its sandbox.
  if (process.getuid?.() === 0) return await start(false);
  try {
    return await start(true);
  } catch (error) {
    // Containers and some distributions forbid the namespaces that the sandbox consists of.
    if (!(error instanceof Error && /sandbox|namespace|credentials\.cc|zygote/i.test(error.message)))
      throw error;
    return await start(false);
  }
}

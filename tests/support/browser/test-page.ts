/** A page in a browser that keeps what went wrong in it: errors and violations of its content security policy. */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import type { BrowserContext, Page } from "playwright-core";
import * as z from "zod";

/** Runs in every document before its own scripts. The policy of the page does not apply to it. */
const WATCH_POLICY = `addEventListener("securitypolicyviolation", (event) => {
  const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = event;
  fairleadPolicyViolation({ effectiveDirective, blockedURI, sourceFile, lineNumber, sample });
});`;

const Violation = z.object({
  effectiveDirective: z.string(),
  blockedURI: z.string(),
  sourceFile: z.string().nullable(),
  lineNumber: z.number(),
  sample: z.string(),
});

export class TestPage {
  /** The page as Playwright has it: `goto`, `getByRole`, `keyboard`, `evaluate` and so on. */
  readonly page: Page;
  readonly #context: BrowserContext;
  readonly #problems: string[] = [];
  readonly #tolerated: RegExp[] = [];
  readonly #violations: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on("pageerror", (error) => this.#problems.push(`uncaught: ${error.stack ?? error.message}`));
    page.on("crash", () => this.#problems.push("The page crashed."));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url, lineNumber } = message.location();
      this.#problems.push(`console: ${message.text()} (${url}:${lineNumber})`);
    });
  }

  /** Opens a page in a context, which {@link close} closes. */
  static async in(context: BrowserContext): Promise<TestPage> {
    const opened = new TestPage(context, await context.newPage());
    await context.exposeFunction("fairleadPolicyViolation", (report: unknown) => {
      const { effectiveDirective, blockedURI, sourceFile, lineNumber, sample } = Violation.parse(report);
      const place = sourceFile ? ` at ${sourceFile}:${lineNumber}` : "";
      opened.#violations.push(`${effectiveDirective} blocked ${blockedURI} ${sample}${place}`.trim());
    });
    await context.addInitScript(WATCH_POLICY);
    return opened;
  }

  /** Violations of the content security policy so far. */
  get violations(): readonly string[] {
    return this.#violations;
  }

  /** Everything that went wrong so far: violations, uncaught exceptions, and errors on the console. */
  get problems(): readonly string[] {
    const all = [...this.#violations.map((each) => `policy: ${each}`), ...this.#problems];
    return all.filter((each) => !this.#tolerated.some((pattern) => pattern.test(each)));
  }

  /** Leaves out matching problems for good: those of requests that are still on their way, too. */
  tolerate(pattern: RegExp): void {
    this.#tolerated.push(pattern);
  }

  /**
   * Removes the problems that a test provokes, such as the browser's line for an answer with status 401.
   * @returns how many there were
   */
  forgive(pattern: RegExp): number {
    const removed = [this.#violations, this.#problems].map((list) => {
      const kept = list.filter((each) => !pattern.test(each));
      return list.splice(0, list.length, ...kept).length - kept.length;
    });
    return removed.reduce((sum, each) => sum + each, 0);
  }

  /** Writes a PNG of the whole page, or of what the window shows. Creates the folder. */
  async screenshot(path: string, { fullPage = true }: { readonly fullPage?: boolean } = {}): Promise<void> {
    mkdirSync(dirname(path), { recursive: true });
    await this.page.screenshot({ path, fullPage, animations: "disabled", caret: "hide" });
  }

  /** Closes the page and its context. */
  async close(): Promise<void> {
    await this.#context.close();
  }

  /** Closes the page. @throws Error when anything went wrong in it */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.problems.length > 0) throw new Error(`The page had problems:\n${this.problems.join("\n")}`);
  }
}

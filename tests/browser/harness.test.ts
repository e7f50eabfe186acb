import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type TestBrowser } from "../support/browser/test-browser.ts";
import { temporaryDirectory } from "../support/process/directories.ts";

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:";

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
  "/": [
    "text/html",
    `<!doctype html><html lang="en"><title>Harness</title><link rel="icon" href="data:,">
     <link rel="stylesheet" href="style.css"><h1>Ready</h1><p id="theme"></p><script src="script.js"></script>`,
  ],
  "/style.css": [
    "text/css",
    "@media (prefers-color-scheme: dark) { body { background: #000; color: #fff } }",
  ],
  "/script.js": [
    "text/javascript",
    `document.getElementById("theme").textContent =
       (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") + " " + innerWidth;`,
  ],
  "/inline": [
    "text/html",
    '<!doctype html><link rel="icon" href="data:,"><title>Inline</title><script>document.title = "ran"</script>',
  ],
  "/throws": ["text/html", '<!doctype html><link rel="icon" href="data:,"><script src="throws.js"></script>'],
  "/throws.js": ["text/javascript", 'console.error("said"); throw new Error("thrown");'],
};

const server = createServer((request, response) => {
  const [type, text] = FILES[request.url ?? ""] ?? [];
  if (type === undefined) response.writeHead(404).end();
  else response.writeHead(200, { "content-type": type, "content-security-policy": POLICY }).end(text);
});

let browser: TestBrowser;
let url: string;

beforeAll(async () => {
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port.");
  url = `http://127.0.0.1:${address.port}`;
  browser = await openBrowser();
});

afterAll(async () => {
  await browser?.close();
  server.closeAllConnections();
  server.close();
});

describe("a test browser", () => {
  it("opens a page in the theme and width asked for, and takes a screenshot of it", async () => {
    await using opened = await browser.page({ theme: "dark", width: 360 });
    await opened.page.goto(url);
    expect(await opened.page.getByRole("heading").textContent()).toBe("Ready");
    expect(await opened.page.locator("#theme").textContent()).toBe("dark 360");
    const file = join(await temporaryDirectory(), "made", "page.png");
    await opened.screenshot(file);
    const png = await readFile(file);
    expect(png.subarray(1, 4).toString()).toBe("PNG");
    // The width of the picture, from its first chunk.
    expect(png.readUInt32BE(16)).toBe(360);
  });

  it("gives each page cookies of its own", async () => {
    await using first = await browser.page();
    await using second = await browser.page();
    await first.page.goto(url);
    await first.page.evaluate('document.cookie = "name=first"');
    await second.page.goto(url);
    expect(await first.page.evaluate("document.cookie")).toBe("name=first");
    expect(await second.page.evaluate("document.cookie")).toBe("");
  });

  it("reports a violation of the content security policy", async () => {
    const opened = await browser.page();
    await opened.page.goto(`${url}/inline`);
    await expect
      .poll(() => opened.violations, { timeout: 60_000 })
      .toEqual([expect.stringMatching(/^script-src-elem blocked inline/)]);
    expect(await opened.page.title()).toBe("Inline");
    await expect(opened[Symbol.asyncDispose]()).rejects.toThrow(/policy: script-src-elem blocked inline/);
  });

  it("reports exceptions and errors of the console, except those that the test expects", async () => {
    const opened = await browser.page();
    await opened.page.goto(`${url}/throws`);
    await expect.poll(() => opened.problems.length, { timeout: 60_000 }).toBe(2);
    expect([...opened.problems].sort()).toEqual([
      expect.stringMatching(/^console: said \(http.*throws\.js:/),
      expect.stringMatching(/^uncaught: Error: thrown/),
    ]);
    expect(opened.forgive(/said|thrown/)).toBe(2);
    await opened[Symbol.asyncDispose]();
  });

  it("has no way out of this machine", async () => {
    await using opened = await browser.page();
    await expect(opened.page.goto("http://example.com/")).rejects.toThrow(/ERR_NAME_NOT_RESOLVED/);
  });
});

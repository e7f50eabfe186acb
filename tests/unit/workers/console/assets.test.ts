import type { Fetcher } from "@cloudflare/workers-types";
import { describe, expect, it } from "vitest";
import { ConsoleAssets, fileFor, matches, negotiate } from "../../../../workers/console/assets.ts";
import type { ConsoleFile, ConsoleManifest } from "../../../../workers/console/manifest.ts";

const file = (changes: Partial<ConsoleFile> = {}): ConsoleFile => ({
  type: "text/html; charset=utf-8",
  bytes: 4,
  hash: "ab".repeat(32),
  immutable: false,
  encodings: {},
  ...changes,
});
const manifest: ConsoleManifest = {
  files: {
    "index.html": file({ encodings: { br: "index.html.br" } }),
    "assets/main-12345678.js": file({ type: "text/javascript", immutable: true }),
  },
};

/** Serves texts by path, and notes the paths that were asked for. */
function folder(files: Record<string, string>) {
  const asked: string[] = [];
  const fetcher = {
    fetch: (url: string) => {
      const path = new URL(url).pathname.slice(1);
      asked.push(path);
      const text = files[path];
      return Promise.resolve(new Response(text ?? null, { status: text === undefined ? 404 : 200 }));
    },
  } as unknown as Fetcher;
  return { fetcher, asked };
}

const built = () =>
  folder({
    "manifest.json": JSON.stringify(manifest),
    "index.html": "page",
    "index.html.br": "br",
    "assets/main-12345678.js": "script",
  });
const get = (headers: Record<string, string> = {}, method = "GET") =>
  new Request("https://edge.example/console/", { method, headers });

describe("negotiate", () => {
  it.each([
    [null, null],
    ["gzip, deflate, br", "br"],
    ["gzip;q=0.5", "gzip"],
    ["br;q=0, gzip", "gzip"],
    ["*", "br"],
    ["identity", null],
    ["br;q=x", null],
  ] as const)("chooses for the header %s the coding %s", (header, coding) => {
    expect(negotiate(header, { br: "a.br", gzip: "a.gz" })).toBe(coding);
  });

  it("chooses no coding that the file does not have", () => {
    expect(negotiate("br, gzip", {})).toBeNull();
  });
});

describe("matches", () => {
  it.each([
    [null, false],
    ['"a"', true],
    ['W/"a"', true],
    ['"b", "a"', true],
    ["*", true],
    ['"b"', false],
  ])("says for the header %s: %s", (header, found) => {
    expect(matches(header, '"a"')).toBe(found);
  });
});

describe("fileFor", () => {
  it.each([
    ["index.html", "index.html"],
    ["assets/main-12345678.js", "assets/main-12345678.js"],
    ["sites/x", "index.html"],
    ["assets/none", null],
    ["main.js", null],
    ["manifest.json", null],
    ["__proto__", "index.html"],
    ["../secret.txt", null],
  ])("gives the path %s the file %s", (path, name) => {
    expect(fileFor(path, manifest)).toBe(name);
  });
});

describe("ConsoleAssets", () => {
  it("serves the page with its policy, compressed, to be asked for again each time", async () => {
    const { fetcher } = built();
    const response = await new ConsoleAssets().serve(get({ "accept-encoding": "br" }), "sites", fetcher);
    expect(response?.headers.get("content-encoding")).toBe("br");
    expect(response?.headers.get("cache-control")).toBe("no-cache");
    expect(response?.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; script-src 'self';/,
    );
    expect(response?.headers.get("content-security-policy")).not.toContain("unsafe");
    expect(await response?.text()).toBe("br");
  });

  it("lets browsers keep files with a hash in their names", async () => {
    const { fetcher } = built();
    const response = await new ConsoleAssets().serve(get(), "assets/main-12345678.js", fetcher);
    expect(response?.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect(response?.headers.get("content-type")).toBe("text/javascript");
  });

  it("answers 304 without a body to a known entity tag, and HEAD without a body", async () => {
    const { fetcher, asked } = built();
    const assets = new ConsoleAssets();
    const head = await assets.serve(get({}, "HEAD"), "index.html", fetcher);
    expect([head?.status, await head?.text()]).toEqual([200, ""]);
    const etag = head?.headers.get("etag") ?? "";
    const known = await assets.serve(get({ "if-none-match": etag }), "index.html", fetcher);
    expect([known?.status, await known?.text()]).toEqual([304, ""]);
    expect(asked).toEqual(["manifest.json"]);
  });

  it("asks the folder for nothing that the manifest does not list", async () => {
    const { fetcher, asked } = built();
    expect(await new ConsoleAssets().serve(get(), "assets/other.js", fetcher)).toBeNull();
    expect(asked).toEqual(["manifest.json"]);
  });

  it("serves nothing where no console was built", async () => {
    expect(await new ConsoleAssets().serve(get(), "index.html", folder({}).fetcher)).toBeNull();
  });
});

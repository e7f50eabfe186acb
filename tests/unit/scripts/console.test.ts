import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { checkFirstPage, FIRST_PAGE_LIMIT, firstPageFiles } from "../../../scripts/console-budget.ts";
import { withoutUnusedFonts } from "../../../scripts/console-config.ts";
import { writeConsoleManifest } from "../../../scripts/console-manifest.ts";
import { temporaryDirectory } from "../../support/process/directories.ts";
import { ROOT } from "../../support/run/repository-files.ts";

/** A folder with a page, one script and one style. */
async function folderWith(script: Uint8Array): Promise<string> {
  const folder = await temporaryDirectory();
  await mkdir(join(folder, "assets"));
  const page = `<script type="module" src="/console/assets/index-abcdef12.js"></script>
    <link rel="stylesheet" href="/console/assets/index-abcdef12.css">`;
  await writeFile(join(folder, "index.html"), page);
  await writeFile(join(folder, "assets/index-abcdef12.js"), script);
  await writeFile(join(folder, "assets/index-abcdef12.css"), "a{color:red}");
  return folder;
}

const noise = (bytes: number) => randomBytes(bytes);

describe("the manifest of the console", () => {
  it("has type, size, hash and compressed variants of each file", async () => {
    const folder = await folderWith(new TextEncoder().encode("console.log(1);\n".repeat(100)));
    const { files } = await writeConsoleManifest(folder);
    expect(Object.keys(files)).toEqual([
      "assets/index-abcdef12.css",
      "assets/index-abcdef12.js",
      "index.html",
    ]);
    const script = files["assets/index-abcdef12.js"];
    expect(script).toMatchObject({
      type: "text/javascript; charset=utf-8",
      bytes: 1600,
      immutable: true,
      encodings: { br: "assets/index-abcdef12.js.br", gzip: "assets/index-abcdef12.js.gz" },
    });
    expect(files["index.html"]?.immutable).toBe(false);
    expect(files["assets/index-abcdef12.css"]?.encodings).toEqual({});
    const packed = await readFile(join(folder, script?.encodings.gzip ?? ""));
    expect(gunzipSync(packed).length).toBe(1600);
  });

  it("refuses a file whose content type is unknown", async () => {
    const folder = await folderWith(noise(10));
    await writeFile(join(folder, "notes.xyz"), "");
    await expect(writeConsoleManifest(folder)).rejects.toThrow("notes.xyz");
  });
});

describe("the first page of the console", () => {
  it("has the files that the page names", async () => {
    const files = await firstPageFiles(await folderWith(noise(1000)));
    expect(files.map(({ name }) => name)).toEqual([
      "index.html",
      "assets/index-abcdef12.js",
      "assets/index-abcdef12.css",
    ]);
  });

  it("may not exceed its limit", async () => {
    await expect(checkFirstPage(await folderWith(noise(FIRST_PAGE_LIMIT / 2)))).resolves.toBeLessThan(
      FIRST_PAGE_LIMIT,
    );
    await expect(checkFirstPage(await folderWith(noise(FIRST_PAGE_LIMIT * 1.2)))).rejects.toThrow(
      "index-abcdef12.js",
    );
  });

  it("is below its limit in what was built", async () => {
    expect(await checkFirstPage(join(ROOT, "dist", "console"))).toBeLessThanOrEqual(FIRST_PAGE_LIMIT);
  });
});

describe("PatternFly's base", () => {
  it("keeps upright faces and loses the others, with the font of icons", () => {
    const css = `@font-face { src: url("./RedHatTextVF.woff2"); }
@font-face { src: url("./RedHatTextVF-Italic.woff2"); }
@font-face { src: url("./pf-v6-pficon.woff2"); }
.pf-v6-pficon-zone:before,
.pf-v6-pficon-warning-triangle:before { font-family: "pf-v6-pficon"; }
.kept { color: red; }`;
    const kept = withoutUnusedFonts(css);
    expect(kept).toContain("RedHatTextVF.woff2");
    expect(kept).not.toMatch(/Italic|pficon/);
    expect(kept).toContain(".kept { color: red; }");
  });
});

import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import {
  fitColumns,
  layOutRow,
  proseColumns,
  tableColumns,
  widthOf,
  wrapCell,
  wrapCommand,
  wrapProse,
} from "../../../../../connector/cli/framework/layout.ts";

const words = fc.array(fc.stringMatching(/^[a-zé字]{1,9}$/u), { minLength: 1, maxLength: 30 });
const letters = (text: string) => text.replaceAll(/\s/g, "");

describe("the width of a text", () => {
  test.each([
    ["ASCII", "west-1", 6],
    ["accents", "é e\u0301", 3],
    ["East Asian characters", "東京 ﾊﾛｰ", 4 + 1 + 3],
    ["fullwidth forms", "ＡＢ", 4],
    ["emoji", "👩‍👩‍👧 ok", 5],
    ["a coloured text", "\u001b[32mup\u001b[39m", 2],
    ["nothing", "", 0],
  ])("counts columns of %s", (_, text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });
});

describe("the width of lines", () => {
  test.each([
    [200, 80, 200],
    [80, 80, 80],
    [60, 60, 60],
    [20, 40, 40],
    [0, 80, 80],
  ])("on a terminal of %i columns is %i for prose and %i for tables", (terminal, prose, table) => {
    expect([proseColumns(terminal), tableColumns(terminal)]).toEqual([prose, table]);
  });
});

describe("prose", () => {
  it("fits the width, breaks at spaces alone, and loses nothing", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 40, max: 80 }), (all, width) => {
        const lines = wrapProse(all.join(" "), width);
        expect(lines.join(" ")).toBe(all.join(" "));
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it("fills each line as far as the next word allows", () => {
    expect(wrapProse("a bb ccc dddd", 8)).toEqual(["a bb ccc", "dddd"]);
  });

  it("leaves a word that is wider than a line whole", () => {
    const url = `https://${"a".repeat(60)}.example`;
    expect(wrapProse(`The edge is at ${url} now.`, 40)).toEqual(["The edge is at", url, "now."]);
  });

  it("keeps a command in backticks on one line if a line can hold it", () => {
    expect(wrapProse("To link it, run `fairlead link create token.yaml`.", 40)).toEqual([
      "To link it, run",
      "`fairlead link create token.yaml`.",
    ]);
    expect(wrapProse(`Run \`${"fairlead ".repeat(6).trim()}\`.`, 40).length).toBeGreaterThan(1);
  });

  test.each([
    ["an indent", "    The text of a note that goes on and on and on.", 4],
    ["the mark of a list", "  - The text of an item that goes on and on and on.", 4],
    ["the number of a step", "  12. The text of a step that goes on and on and on.", 6],
    ["a label", "  do: The text of an action that goes on and on.", 6],
  ])("hangs below the text after %s", (_, text, hang) => {
    const [, ...rest] = wrapProse(text, 40);
    expect(rest.length).toBeGreaterThan(0);
    for (const line of rest) expect(line).toMatch(new RegExp(`^ {${hang}}\\S`));
  });

  it("leaves room for text beside a wide hanging indent", () => {
    for (const line of wrapProse(`${"word ".repeat(30)}`, 40, 60))
      expect(line.length).toBeLessThanOrEqual(40);
  });

  it("is one empty line without text", () => {
    expect(wrapProse("", 80)).toEqual([""]);
  });
});

describe("a command", () => {
  const long = "fairlead edge start --api 0.0.0.0:443 --hostname 'the edge' --gateway 0.0.0.0:8444";

  it("stays on one line while it fits", () => {
    expect(wrapCommand("fairlead status", 40, 2)).toEqual(["  fairlead status"]);
  });

  test.each([40, 60, 80])("of several lines fits %i columns and is the same command for a shell", (width) => {
    const lines = wrapCommand(long, width, 2);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/ \\$/);
    expect(lines.join("\n").replaceAll(/ \\\n\s+/g, " ")).toBe(`  ${long}`);
  });
});

describe("a cell", () => {
  it("fits its width and stays complete, cut within a word that is too wide", () => {
    fc.assert(
      fc.property(words, fc.integer({ min: 2, max: 20 }), (all, width) => {
        const lines = wrapCell(all.join(" "), width);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        expect(letters(lines.join(""))).toBe(letters(all.join("")));
      }),
    );
  });

  it("has its colour on every line", () => {
    expect(wrapCell("\u001b[31mnot up\u001b[39m", 3)).toEqual([
      "\u001b[31mnot\u001b[39m",
      "\u001b[31mup\u001b[39m",
    ]);
  });
});

describe("columns", () => {
  it("shrink, the widest first, until they fit, or do not fit at all", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 8 }),
        fc.integer({ min: 40, max: 300 }),
        (natural, available) => {
          const widths = fitColumns(natural, available);
          const least = natural.reduce((sum, width) => sum + Math.min(width, 12), 2 * (natural.length - 1));
          expect(widths === null).toBe(least > available);
          if (widths === null) return;
          const total = widths.reduce((sum, width) => sum + width, 2 * (widths.length - 1));
          expect(total).toBeLessThanOrEqual(available);
          expect(widths.every((width, at) => width <= (natural[at] ?? 0))).toBe(true);
        },
      ),
    );
  });

  it("are aligned by what a terminal shows", () => {
    expect(layOutRow(["東京", "x"], [6, 1])).toEqual(["東京    x"]);
  });
});

import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { Printer, wantsColour } from "../../../../../connector/cli/framework/printer.ts";

function printer(columns: number | undefined, env: Record<string, string> = {}) {
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text), isTTY: columns !== undefined, columns };
  return { out: new Printer(output, env), text: () => written.join("") };
}

describe("colours", () => {
  test.each([
    ["a terminal", true, {}, true],
    ["a pipe", false, {}, false],
    ["a terminal with NO_COLOR", true, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR", true, { NO_COLOR: "" }, true],
    ["a dumb terminal", true, { TERM: "dumb" }, false],
  ])("on %s: %s %o → %s", (_, isTTY, env, wanted) => {
    expect(wantsColour({ write: () => true, isTTY, columns: 80 }, env)).toBe(wanted);
  });
});

describe("tables", () => {
  const rows = [
    ["west", "up", "a-service-with-a-long-name, another-service-with-a-long-name"],
    ["s0123456789abcdefghjkmnpqrs", "down", "-"],
  ];

  test("have no borders, and no spaces at the ends of lines", () => {
    const { out, text } = printer(undefined);
    out.table(
      ["NAME", "STATE"],
      [
        ["west", "up"],
        ["a", "revoked"],
      ],
    );
    expect(text()).toBe("NAME  STATE\nwest  up\na     revoked\n");
  });

  test("omit an empty column", () => {
    const { out, text } = printer(undefined);
    out.table(["NAME", "WHY", "STATE"], [["west", "", "up"]]);
    expect(text()).toBe("NAME  STATE\nwest  up\n");
  });

  test("keep their width without a terminal", () => {
    const { out, text } = printer(undefined);
    out.table(["NAME", "STATE", "OFFERS"], rows);
    expect(text()).toContain("a-service-with-a-long-name, another-service-with-a-long-name\n");
  });

  test.each([40, 60, 80])("are never wider than a terminal of %i columns, and lose no text", (columns) => {
    const { out, text } = printer(columns, { NO_COLOR: "1" });
    out.table(["NAME", "STATE", "OFFERS"], rows);
    const lines = text().split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(columns);
    const letters = (all: string) => [...all.replaceAll(/\s/g, "")].sort().join("");
    expect(letters(text())).toBe(letters(`NAMESTATEOFFERS${rows.flat().join("")}`));
  });

  test("are not narrower than their texts need, coloured or not", () => {
    const { out, text } = printer(80);
    out.table(["STATE", "X"], [[out.state("up"), "y"]]);
    expect(text()).toContain("\u001b[32mup\u001b[39m");
    expect(text().split("\n")[1]).toBe("\u001b[32mup\u001b[39m     y");
  });

  test("that even narrow columns would not fit are labels with values", () => {
    const { out, text } = printer(40, { NO_COLOR: "1" });
    const titles = ["SERVICE", "REACHED AT", "OFFERED BY", "STATE"];
    out.table(
      titles,
      ["a", "b"].map((letter) => titles.map(() => letter.repeat(20))),
    );
    const [first = "", second = ""] = ["a", "b"].map((letter) =>
      titles.map((title) => `  ${title.padEnd(10)}  ${letter.repeat(20)}\n`).join(""),
    );
    expect(text()).toBe(`${first}\n${second}`);
  });
});

describe("sentences", () => {
  const sentence = "The listener for web failed: the port is in use by another program of this machine.";

  test.each([40, 60, 80, 200])("fit a terminal of %i columns, and 80 columns at the most", (columns) => {
    const { out, text } = printer(columns);
    out.line(out.paint("yellow", sentence));
    const lines = stripVTControlCharacters(text()).trimEnd().split("\n");
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThanOrEqual(Math.min(80, columns));
    expect(lines.join(" ")).toBe(sentence);
  });

  test("are whole lines without a terminal, and where lines are kept verbatim", () => {
    const { out, text } = printer(undefined);
    out.line(sentence);
    out.command(`fairlead ${sentence}`);
    expect(text()).toBe(`${sentence}\n  fairlead ${sentence}\n`);
    const narrow = printer(40);
    narrow.out.verbatim(sentence);
    expect(narrow.text()).toBe(`${sentence}\n`);
  });

  test("beside labels hang below the first line of their value", () => {
    const { out, text } = printer(40, { NO_COLOR: "1" });
    out.details([["why", sentence]]);
    const [first = "", ...rest] = text().trimEnd().split("\n");
    expect(first).toMatch(/^ {2}why {2}The listener/);
    for (const line of rest) expect(line).toMatch(/^ {7}\S/);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fitColumns, Printer, wantsColour } from "../../../../../connector/cli/framework/printer.ts";

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

  test("columns shrink, the widest first, until they fit or are too narrow to shrink", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 20, max: 300 }),
        (natural, available) => {
          const widths = fitColumns(natural, available);
          const total = widths.reduce((sum, width) => sum + width, 0) + 2 * (widths.length - 1);
          expect(total <= available || widths.every((width) => width <= 8)).toBe(true);
          expect(widths.every((width, at) => width <= (natural[at] ?? 0))).toBe(true);
        },
      ),
    );
  });
});

import { describe, expect, it } from "vitest";
import { conformanceTable, replaceTable } from "../../../support/conformance/conformance-table.ts";

const table = conformanceTable([
  { group: "http", title: "HEAD | keeps its length", peers: ["nginx", "curl"], state: "passed" },
  { group: "dns", title: "A", peers: ["dig"], state: "skipped", note: "dig is not installed" },
]);

describe("conformanceTable", () => {
  it("has a row for each case, in the order of the units", () => {
    expect(table.split("\n")).toEqual([
      "| unit | case | peers | result |",
      "|---|---|---|---|",
      "| dns | A | dig | skipped: dig is not installed |",
      "| http | HEAD \\| keeps its length | nginx, curl | passed |",
    ]);
  });
});

describe("replaceTable", () => {
  it("replaces the table of a page and nothing else", () => {
    const page = "before\n<!-- table -->\nold\n<!-- end of table -->\nafter\n";
    const replaced = replaceTable(page, "new");
    expect(replaced).toBe("before\n<!-- table -->\n\nnew\n\n<!-- end of table -->\nafter\n");
    expect(replaceTable(replaced, "new")).toBe(replaced);
  });

  it("refuses a page without a place for the table", () => {
    expect(() => replaceTable("nothing", "new")).toThrow("no place");
  });
});

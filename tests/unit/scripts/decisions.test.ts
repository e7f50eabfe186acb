import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { decisionsTable, parseDecision, readDecisions } from "../../../scripts/decisions.ts";

const SECTIONS = ["Context", "Decision", "Consequence"];

const text = (number: string, title = "Pumps are primed", sections = SECTIONS) =>
  [
    `# ${number}: ${title}\n\n- Date: 2026-11-25\n- Area: water\n`,
    ...sections.map((name) => `## ${name}\n\nA sentence.\n`),
  ].join("\n");

describe("parseDecision", () => {
  it("reads number, title, date and area", () => {
    expect(parseDecision("0007-pumps.md", text("0007"))).toEqual({
      number: "0007",
      file: "0007-pumps.md",
      title: "Pumps are primed",
      date: "2026-11-25",
      area: "water",
    });
  });

  it.each([
    ["pumps.md", text("0007"), "not named"],
    ["0008-pumps.md", text("0007"), "has the number 0007"],
    ["0007-pumps.md", text("0007").replace("- Date: 2026-11-25\n", ""), "does not begin"],
    ["0007-pumps.md", text("0007", "Pumps are primed."), "does not begin"],
    ["0007-pumps.md", text("0007", undefined, ["Decision", "Context", "Consequence"]), "sections"],
    ["0007-pumps.md", text("0007", undefined, [...SECTIONS, "Rumours"]), "unknown section"],
    ["0007-pumps.md", `${text("0007")}\n## Measured\n`, "empty section"],
    ["0007-pumps.md", text("0007").replace("A sentence.\n\n## Decision", "## Decision"), "empty section"],
  ])("refuses %s, which is not in the form of a decision (%#)", (file, content, reason) => {
    expect(() => parseDecision(file, content)).toThrow(reason);
  });

  it("accepts sections after the three that every decision has", () => {
    const sections = [...SECTIONS, "Measured", "Considered"];
    expect(parseDecision("0001-pumps.md", text("0001", undefined, sections)).number).toBe("0001");
  });
});

describe("readDecisions", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "fl-decisions-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("lists the decisions of a folder by number, for the table", async () => {
    await writeFile(join(folder, "0002-b.md"), text("0002", "Second"));
    await writeFile(join(folder, "0001-a.md"), text("0001", "First"));
    expect(
      decisionsTable(await readDecisions(folder))
        .split("\n")
        .slice(2),
    ).toEqual([
      "| [0001](0001-a.md) | First | water | 2026-11-25 |",
      "| [0002](0002-b.md) | Second | water | 2026-11-25 |",
    ]);
  });

  it("refuses a number that is used twice, and accepts a gap", async () => {
    await writeFile(join(folder, "0002-b.md"), text("0002"));
    expect((await readDecisions(folder)).map(({ number }) => number)).toEqual(["0002"]);
    await writeFile(join(folder, "0002-c.md"), text("0002"));
    await expect(readDecisions(folder)).rejects.toThrow("The number of 0002-c.md is used twice.");
  });
});

/**
 * Prints the table of the conformance tests after a run that had some. `FAIRLEAD_CONFORMANCE_PAGE=1` writes it into
 * docs/conformance.md as well.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { ROOT } from "../run/repository-files.ts";
import { type ConformanceRow, conformanceTable, replaceTable } from "./conformance-table.ts";

const PAGE = join(ROOT, "docs/conformance.md");

export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules
      .filter(({ project }) => project.name === "conformance")
      .flatMap((module) => [...module.children.allTests()]);
    if (tests.length === 0) return;
    const table = conformanceTable(tests.map(rowOf));
    process.stdout.write(`\n${table}\n`);
    if (process.env.FAIRLEAD_CONFORMANCE_PAGE === "1") {
      writeFileSync(PAGE, replaceTable(readFileSync(PAGE, "utf8"), table));
    }
  }
}

function rowOf(test: TestCase): ConformanceRow {
  const result = test.result();
  const { peers = [] } = test.meta();
  const group = test.parent.type === "suite" ? test.parent.name : "";
  return {
    group,
    title: test.name,
    peers,
    state: result.state,
    note: "note" in result ? result.note : undefined,
  };
}

/**
 * Prints the table of the conformance tests after a run that had some. `FAIRLEAD_CONFORMANCE_PAGE=1` writes it into
 * docs/conformance.md as well.
 *
 * A test is a row when `conformanceCase(TITLE, PEERS, RUN)` defines it: its `describe` is the unit, TITLE is the case,
 * and PEERS are names of `CONFORMANCE_PEERS`, which the row shows with their installed versions. A program that is not
 * in `CONFORMANCE_PEERS` yet needs a line there, with the package that installs it. Cases that differ by a peer or by an
 * input are rows of their own: define them in a loop. The result is that of the test, with the reason for a skipped one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { ROOT } from "../run/repository-files.ts";
import { type ConformanceRow, conformanceTable, replaceTable } from "./conformance-table.ts";
import { type ConformancePeerName, nameWithVersion } from "./peers.ts";

const PAGE = join(ROOT, "docs/conformance.md");

export default class ConformanceReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules
      .filter(({ project }) => project.name === "conformance")
      .flatMap((module) => [...module.children.allTests()]);
    if (tests.length === 0) return;
    const versions = new Map<ConformancePeerName, string>();
    const table = conformanceTable(tests.map((test) => rowOf(test, versions)));
    process.stdout.write(`\n${table}\n`);
    if (process.env.FAIRLEAD_CONFORMANCE_PAGE === "1") {
      writeFileSync(PAGE, replaceTable(readFileSync(PAGE, "utf8"), table));
    }
  }
}

/** @param versions names of peers with versions that are known, and to which this adds */
function rowOf(test: TestCase, versions: Map<ConformancePeerName, string>): ConformanceRow {
  const result = test.result();
  const { peers = [] } = test.meta();
  const group = test.parent.type === "suite" ? test.parent.name : "";
  return {
    group,
    title: test.name,
    peers: peers.map((peer) => {
      const named = versions.get(peer) ?? nameWithVersion(peer);
      versions.set(peer, named);
      return named;
    }),
    state: result.state,
    note: "note" in result ? result.note : undefined,
  };
}

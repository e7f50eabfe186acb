/**
 * The order of the test files: those that mostly wait before those that keep a core busy, and in each project the
 * longest first, so that none of them is left over at the end.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const PROJECTS = ["chaos", "system", "edge", "unit"];

/** Seconds that the longest files take on two idle cores, rounded. Any other file counts as short. */
const SECONDS: Readonly<Record<string, number>> = {};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification) => PROJECTS.indexOf(project.name);
    const seconds = ({ moduleId }: TestSpecification) =>
      SECONDS[relative(this.ctx.config.root, moduleId).replace(/^tests\//, "")] ?? 0;
    // The order of the files that count as short is the usual one: the largest first.
    const usual = await super.sort(files);
    return usual.sort((a, b) => rank(a) - rank(b) || seconds(b) - seconds(a));
  }
}

/**
 * The order of the test files: those that mostly wait before those that keep a core busy, and in each project the
 * longest first, so that none of them is left over at the end.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const PROJECTS = ["chaos", "system", "edge", "unit"];

/** Seconds that the longest files take on two idle cores, rounded. Any other file counts as short. */
const SECONDS: Readonly<Record<string, number>> = {
  "chaos/slow-path": 76,
  "chaos/edge-killed": 72,
  "chaos/blackhole": 36,
  "chaos/connector-killed": 26,
  "chaos/silent-strangers": 26,
  "chaos/drain": 23,
  "chaos/idle": 19,
  "chaos/privacy": 17,
  "chaos/loss": 15,
  "system/resets": 104,
  "system/budgets": 92,
  "system/attack": 62,
  "system/slow-path": 57,
  "system/recorded": 45,
  "system/dead-peers": 44,
  "system/services": 42,
  "system/walkthrough": 40,
  "system/links-of-sites": 37,
  "system/joining": 36,
  "system/silent-strangers": 33,
  "system/demo": 32,
  "system/deploy": 28,
  "system/proxy": 27,
  "system/draining": 26,
  "system/certificates": 25,
  "system/descriptors": 25,
  "system/revocation": 25,
  "system/hop": 22,
  "system/own-targets": 18,
  "system/edge-start": 18,
  "system/backup": 17,
  "system/streams": 17,
  "system/lanes": 16,
  "system/restarts": 16,
  "unit/connector/cli/main": 56,
  "unit/workers/registry/policy/link-graph": 22,
  "unit/protocol/carrier/streams-over-lanes": 22,
  "unit/connector/targets/target-streams": 20,
  "unit/connector/listeners/clients": 19,
  "unit/connector/session/resuming": 18,
  "unit/connector/operator/backup/format": 11,
  "unit/protocol/carrier/simulation": 10,
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification) => PROJECTS.indexOf(project.name);
    const seconds = ({ moduleId }: TestSpecification) =>
      SECONDS[relative(this.ctx.config.root, moduleId).replace(/^tests\/|\.test\.ts$/g, "")] ?? 0;
    // The order of the files that count as short is the usual one: the largest first.
    const usual = await super.sort(files);
    return usual.sort((a, b) => rank(a) - rank(b) || seconds(b) - seconds(a));
  }
}

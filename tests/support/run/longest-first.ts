/**
 * The order of the test files. Projects that mostly wait come before projects that keep a core busy. In each project
 * the longest files come first, so that no long file runs alone at the end.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const PROJECTS = ["chaos", "system", "edge", "unit"];

/** Seconds that the longest files take on two idle cores, rounded. A file without an entry counts as short. */
export const SECONDS: Readonly<Record<string, number>> = {
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
  "unit/connector/session/lane-recovery": 18,
  "unit/connector/session/manager": 12,
  "unit/protocol/carrier/simulation": 10,
  "unit/connector/operator/backup/backup": 8,
  "unit/connector/operator/backup/seal": 7,
};

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ project }: TestSpecification) => PROJECTS.indexOf(project.name);
    const seconds = ({ moduleId }: TestSpecification) =>
      SECONDS[relative(this.ctx.config.root, moduleId).replace(/^tests\/|\.test\.ts$/g, "")] ?? 0;
    // Short files keep the order of vitest, the largest first.
    const usual = await super.sort(files);
    return usual.sort((a, b) => rank(a) - rank(b) || seconds(b) - seconds(a));
  }
}

/**
 * The order of the test files. Projects that mostly wait come before projects that keep a core busy. In each project
 * the longest files come first, so that no long file runs alone at the end.
 */
import { relative } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const PROJECTS = ["conformance", "chaos", "system", "browser", "edge", "unit"];

/** Seconds that the longest files take on two idle cores, rounded. A file without an entry counts as short. */
export const SECONDS: Readonly<Record<string, number>> = {
  "browser/console": 80,
  "browser/accessibility": 23,
  "browser/topology": 17,
  "browser/provider-sign-in": 15,
  "chaos/slow-path": 67,
  "chaos/edge-killed": 55,
  "chaos/traffic-totals": 40,
  "chaos/http-failover": 30,
  "chaos/blackhole": 30,
  "chaos/silent-strangers": 25,
  "chaos/connector-killed": 24,
  "chaos/idle": 13,
  "chaos/frozen": 12,
  "chaos/loss": 11,
  "chaos/drain": 10,
  "chaos/stalled-reader": 10,
  "system/kubernetes-outages": 160,
  "system/upgrade": 80,
  "system/attack": 62,
  "system/budgets": 54,
  "system/events": 50,
  "system/silent-strangers": 46,
  "system/resets": 45,
  "system/router-sleep": 44,
  "system/dead-peers": 42,
  "system/proxy": 42,
  "system/moved-edge": 42,
  "system/services": 42,
  "system/links-of-sites": 41,
  "system/walkthrough": 40,
  "system/doctor": 40,
  "system/recorded": 38,
  "system/checkout": 38,
  "system/dns": 37,
  "system/own-targets": 36,
  "system/edge-start": 36,
  "system/examples": 36,
  "system/grpc": 34,
  "system/target-health": 34,
  "system/joining": 32,
  "system/restarts": 32,
  "system/demo": 31,
  "system/early-signals": 30,
  "system/quick-start": 30,
  "system/certificates": 30,
  "system/backup": 26,
  "system/revocation": 26,
  "system/talk": 25,
  "system/door": 25,
  "system/console": 25,
  "system/deploy": 24,
  "system/single-file": 24,
  "system/several-ports": 23,
  "system/descriptors": 23,
  "system/draining": 22,
  "system/edge-state": 22,
  "system/config-reload": 21,
  "system/readme": 21,
  "system/oidc": 20,
  "system/service-ports": 18,
  "system/lanes": 17,
  "system/package": 16,
  "system/kubernetes-connector": 42,
  "system/kubernetes-state": 40,
  "system/kubernetes-replicas": 34,
  "system/kubernetes-install": 25,
  "system/kubernetes-exposing": 25,
  "system/kubernetes-offers": 22,
  "system/kubernetes-cluster": 20,
  "edge/registry/protection": 22,
  "edge/router/router": 20,
  "edge/registry/live": 20,
  "edge/registry/notices": 16,
  "edge/door/door": 15,
  "edge/registry/services": 14,
  "edge/api/roles": 13,
  "unit/connector/session/lane-recovery": 25,
  "unit/connector/listeners/clients": 24,
  "unit/connector/cli/main": 16,
  "unit/connector/cli/events": 15,
  "unit/protocol/carrier/streams-over-lanes": 14,
  "unit/connector/site/impostor": 12,
  "unit/connector/cli/deploy": 12,
  "unit/protocol/carrier/simulation": 11,
  "unit/protocol/streams/multiplexer": 11,
  "unit/connector/uplink/uplink": 10,
  "unit/connector/cli/access": 8,
  "unit/connector/cli/causes": 8,
  "unit/connector/cli/backup": 7,
  "unit/workers/registry/policy/link-graph": 6,
  "unit/connector/uplink/replacement": 6,
  "unit/house/editor": 6,
  "unit/connector/session/manager": 5,
  "unit/connector/operator/backup/backup": 5,
  "unit/connector/cli/site": 5,
  "unit/workers/auth/provider-keys": 5,
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

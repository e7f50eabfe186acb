/** Workloads. No controller runs them: a test writes their pods and their status. */
import { at, equal, type JsonObject, objectIn, textIn } from "../json.ts";
import type { KubeObject } from "../object.ts";
import type { ResourceType } from "../resource-type.ts";
import { labelSelectorOf } from "../selectors.ts";
import { type FieldFault, invalidValue, required } from "../status.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";
import { completePod, podFaults } from "./pod-spec.ts";

const APPS = "io.k8s.api.apps.v1";

const workload = (chosen: {
  resource: string;
  kind: string;
  shortNames: string[];
  hasScale: boolean;
  complete: (spec: JsonObject) => void;
}): ResourceType =>
  builtIn(APPS, {
    group: "apps",
    ...chosen,
    categories: ["all"],
    hasStatus: true,
    complete: (object) => {
      const spec = objectIn(object.spec);
      object.spec = spec;
      object.status ??= {};
      spec.revisionHistoryLimit ??= 10;
      chosen.complete(spec);
      completePod(podOf(spec));
    },
    faults: workloadFaults,
    columns: [
      NAME,
      column("Ready", ({ spec, status }) => {
        const ready = at(status, "readyReplicas") ?? at(status, "numberReady") ?? 0;
        return `${ready}/${at(spec, "replicas") ?? at(status, "desiredNumberScheduled") ?? 0}`;
      }),
      column("Up-to-date", ({ status }) => Number(at(status, "updatedReplicas") ?? 0)),
      column("Available", ({ status }) => Number(at(status, "availableReplicas") ?? 0)),
      AGE,
    ],
  });

function podOf(spec: JsonObject): JsonObject {
  const template = objectIn(spec.template);
  spec.template = template;
  template.metadata ??= {};
  template.spec ??= {};
  return objectIn(template.spec);
}

function workloadFaults({ spec: given }: KubeObject, before: KubeObject | undefined): FieldFault[] {
  const spec = objectIn(given);
  const { selector, template } = spec;
  const faults: FieldFault[] = [];
  if (before !== undefined && !equal(objectIn(before.spec).selector, selector)) {
    faults.push(invalidValue("spec.selector", selector, "field is immutable"));
  }
  if (selector === undefined) faults.push(required("spec.selector"));
  else if (Object.keys(objectIn(selector)).length === 0) {
    faults.push(invalidValue("spec.selector", selector, "empty selector is invalid for deployment"));
  }
  const labels = objectIn(at(template, "metadata", "labels"));
  const texts = Object.fromEntries(Object.entries(labels).map(([key, value]) => [key, textIn(value)]));
  if (selector !== undefined && !labelSelectorOf(selector)(texts)) {
    faults.push(
      invalidValue("spec.template.metadata.labels", labels, "`selector` does not match template `labels`"),
    );
  }
  return [...faults, ...podFaults(objectIn(at(template, "spec")), "spec.template.spec")];
}

const ROLLING = { maxUnavailable: "25%", maxSurge: "25%" };

export const APPS_TYPES: readonly ResourceType[] = [
  workload({
    resource: "deployments",
    kind: "Deployment",
    shortNames: ["deploy"],
    hasScale: true,
    complete: (spec) => {
      spec.replicas ??= 1;
      spec.progressDeadlineSeconds ??= 600;
      const strategy = objectIn(spec.strategy);
      spec.strategy = strategy;
      strategy.type ??= "RollingUpdate";
      if (strategy.type === "RollingUpdate") {
        strategy.rollingUpdate = { ...ROLLING, ...objectIn(strategy.rollingUpdate) };
      }
    },
  }),
  workload({
    resource: "statefulsets",
    kind: "StatefulSet",
    shortNames: ["sts"],
    hasScale: true,
    complete: (spec) => {
      spec.replicas ??= 1;
      spec.podManagementPolicy ??= "OrderedReady";
      spec.updateStrategy ??= { type: "RollingUpdate", rollingUpdate: { partition: 0 } };
    },
  }),
  workload({
    resource: "daemonsets",
    kind: "DaemonSet",
    shortNames: ["ds"],
    hasScale: false,
    complete: (spec) => {
      spec.updateStrategy ??= { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } };
    },
  }),
  workload({
    resource: "replicasets",
    kind: "ReplicaSet",
    shortNames: ["rs"],
    hasScale: true,
    complete: (spec) => {
      delete spec.revisionHistoryLimit;
      spec.replicas ??= 1;
    },
  }),
];

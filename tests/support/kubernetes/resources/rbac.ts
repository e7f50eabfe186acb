/** Roles and bindings. What a binding refers to never changes. */
import { at, equal, objectIn, objectsIn, textIn } from "../json.ts";
import { pathSegment } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { ResourceType } from "../resource-type.ts";
import { type FieldFault, invalidValue, required, unsupported } from "../status.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";

const GROUP = "rbac.authorization.k8s.io";

const role = (resource: string, kind: string, namespaced: boolean): ResourceType =>
  builtIn("io.k8s.api.rbac.v1", {
    group: GROUP,
    resource,
    kind,
    namespaced,
    nameFault: pathSegment,
    complete: (object) => {
      object.rules ??= [];
    },
    faults: ({ rules }) => objectsIn(rules).flatMap((rule, index) => ruleFaults(rule, index, namespaced)),
    columns: [NAME, column("Created At", ({ metadata }) => metadata.creationTimestamp)],
  });

function ruleFaults(rule: ReturnType<typeof objectIn>, index: number, namespaced: boolean): FieldFault[] {
  const path = `rules[${index}]`;
  const isEmpty = (value: unknown) => !Array.isArray(value) || value.length === 0;
  if (isEmpty(rule.verbs)) return [required(`${path}.verbs`, "verbs must contain at least one value")];
  if (!isEmpty(rule.nonResourceURLs)) {
    return namespaced
      ? [
          invalidValue(
            `${path}.nonResourceURLs`,
            rule.nonResourceURLs,
            "namespaced rules cannot apply to non-resource URLs",
          ),
        ]
      : [];
  }
  return [
    ...(isEmpty(rule.apiGroups)
      ? [required(`${path}.apiGroups`, "resource rules must supply at least one api group")]
      : []),
    ...(isEmpty(rule.resources)
      ? [required(`${path}.resources`, "resource rules must supply at least one resource")]
      : []),
  ];
}

const binding = (resource: string, kind: string, namespaced: boolean): ResourceType =>
  builtIn("io.k8s.api.rbac.v1", {
    group: GROUP,
    resource,
    kind,
    namespaced,
    nameFault: pathSegment,
    complete: (object) => {
      objectIn(object.roleRef).apiGroup ??= GROUP;
      for (const subject of objectsIn(object.subjects)) {
        if (subject.kind !== "ServiceAccount") subject.apiGroup ??= GROUP;
      }
    },
    faults: bindingFaults,
    columns: [
      NAME,
      column("Role", ({ roleRef }) => `${textIn(at(roleRef, "kind"))}/${textIn(at(roleRef, "name"))}`),
      AGE,
    ],
  });

function bindingFaults(object: KubeObject, before: KubeObject | undefined): FieldFault[] {
  const { kind, name } = objectIn(object.roleRef);
  const faults: FieldFault[] = [];
  if (!["Role", "ClusterRole"].includes(textIn(kind))) {
    faults.push(unsupported("roleRef.kind", kind ?? "", ["Role", "ClusterRole"]));
  }
  if (textIn(name) === "") faults.push(required("roleRef.name"));
  if (before !== undefined && !equal(before.roleRef, object.roleRef)) {
    faults.push(invalidValue("roleRef", object.roleRef, "cannot change roleRef"));
  }
  for (const [index, subject] of objectsIn(object.subjects).entries()) {
    const path = `subjects[${index}]`;
    if (textIn(subject.name) === "") faults.push(required(`${path}.name`));
    if (!["ServiceAccount", "User", "Group"].includes(textIn(subject.kind))) {
      faults.push(unsupported(`${path}.kind`, subject.kind ?? "", ["Group", "ServiceAccount", "User"]));
    }
    if (subject.kind === "ServiceAccount" && textIn(subject.namespace) === "") {
      faults.push(required(`${path}.namespace`));
    }
  }
  return faults;
}

export const RBAC_TYPES: readonly ResourceType[] = [
  role("roles", "Role", true),
  role("clusterroles", "ClusterRole", false),
  binding("rolebindings", "RoleBinding", true),
  binding("clusterrolebindings", "ClusterRoleBinding", false),
];

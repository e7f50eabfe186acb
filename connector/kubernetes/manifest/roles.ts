/** The account of the connector, and what it may do where. */
import type { ServiceAccount } from "kubernetes-types/core/v1";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
} from "kubernetes-types/rbac/v1";
import { CONNECTOR, LABELS } from "./names.ts";
import {
  CLUSTER_RIGHTS,
  CONDITIONS,
  IMPORT_RIGHTS,
  OWN_RIGHTS,
  type Right,
  ruleOf,
  WATCH_RIGHTS,
} from "./rights.ts";
import {
  type Commented,
  commented,
  type Each,
  type Expression,
  each,
  item,
  namespace,
  optional,
  orNamespace,
  type Template,
  type Text,
  text,
  value,
  type When,
  when,
} from "./template.ts";

const GROUP = "rbac.authorization.k8s.io";

export const serviceAccount: Template<ServiceAccount> = {
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: {
    name: CONNECTOR,
    namespace,
    labels: LABELS,
    annotations: optional("serviceAccount.annotations"),
  },
  automountServiceAccountToken: false,
};

type Rule = Commented<Template<PolicyRule>>;

/** The rules of a role. Neighbours with one condition have it once. */
function rulesOf(rights: readonly Right[]): readonly (Rule | When<readonly Rule[]>)[] {
  const groups: { readonly condition: Right["condition"]; readonly rules: Rule[] }[] = [];
  for (const right of rights) {
    const rule = commented(right.reason, ruleOf(right));
    const last = groups.at(-1);
    if (last !== undefined && last.condition === right.condition) last.rules.push(rule);
    else groups.push({ condition: right.condition, rules: [rule] });
  }
  return groups.flatMap(({ condition, rules }): readonly (Rule | When<readonly Rule[]>)[] =>
    condition === undefined ? rules : [when(CONDITIONS[condition], rules)],
  );
}

const subjects = [{ kind: "ServiceAccount", name: CONNECTOR, namespace }];

/** A Role in a namespace, and its binding to the connector's account. */
function roleIn(
  where: Expression<string>,
  name: Text,
  rights: readonly Right[],
): [Template<Role>, Template<RoleBinding>] {
  const metadata = { name, namespace: where, labels: LABELS };
  return [
    { apiVersion: `${GROUP}/v1`, kind: "Role", metadata, rules: rulesOf(rights) },
    {
      apiVersion: `${GROUP}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: GROUP, kind: "Role", name },
      subjects,
    },
  ];
}

/** The names of other namespaces have the connector's own in them: several connectors can have rights there. */
const WATCH = text`${value("name")}-watch-${namespace}`;
const IMPORT = text`${value("name")}-import-${namespace}`;

export const ownRole = roleIn(namespace, CONNECTOR, OWN_RIGHTS);

const clusterMetadata = { name: WATCH, labels: LABELS };
const clusterRole: Template<ClusterRole> = {
  apiVersion: `${GROUP}/v1`,
  kind: "ClusterRole",
  metadata: clusterMetadata,
  rules: rulesOf([...CLUSTER_RIGHTS, ...WATCH_RIGHTS]),
};
const clusterRoleBinding: Template<ClusterRoleBinding> = {
  apiVersion: `${GROUP}/v1`,
  kind: "ClusterRoleBinding",
  metadata: clusterMetadata,
  roleRef: { apiGroup: GROUP, kind: "ClusterRole", name: WATCH },
  subjects,
};

const perNamespace = (list: Expression<readonly string[]>, name: Text, rights: readonly Right[]) =>
  roleIn(item(), name, rights).map((body) => each(orNamespace(list), body));

type RoleTemplate = Template<Role> | Template<RoleBinding>;

/** Rights to read what is exposed, in the whole cluster or in each chosen namespace. */
export const watchRoles: readonly When<
  Template<ClusterRole> | Template<ClusterRoleBinding> | Each<RoleTemplate>
>[] = (() => {
  const [role, binding] = perNamespace(value("watchNamespaces"), WATCH, WATCH_RIGHTS);
  return [
    when(value("clusterWide"), clusterRole, role),
    when(value("clusterWide"), clusterRoleBinding, binding),
  ];
})();

/** Rights to make Services, in each chosen namespace. */
export const importRoles: readonly When<Each<RoleTemplate>>[] = perNamespace(
  value("importNamespaces"),
  IMPORT,
  IMPORT_RIGHTS,
).map((body) => when(value("importServices"), body));

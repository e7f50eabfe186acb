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
  EXPORT_RIGHTS,
  IMPORT_RIGHTS,
  OWN_RIGHTS,
  type Right,
  ruleOf,
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
  Text,
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

/** Other namespaces can have the roles of several connectors, so the name has the connector's own namespace. */
const named = (what: string): Text => new Text([value("name"), `-${what}-`, namespace]);

type RoleTemplate = Template<Role> | Template<RoleBinding>;

export const ownRole = roleIn(namespace, CONNECTOR, OWN_RIGHTS);

/** Rights about what is exposed: in the whole cluster, or in each chosen namespace. */
export const exportRoles: readonly When<
  Template<ClusterRole> | Template<ClusterRoleBinding> | Each<RoleTemplate>
>[] = (() => {
  const name = named("export");
  const metadata = { name, labels: LABELS };
  const clusterRole: Template<ClusterRole> = {
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRole",
    metadata,
    rules: rulesOf([...CLUSTER_RIGHTS, ...EXPORT_RIGHTS]),
  };
  const clusterRoleBinding: Template<ClusterRoleBinding> = {
    apiVersion: `${GROUP}/v1`,
    kind: "ClusterRoleBinding",
    metadata,
    roleRef: { apiGroup: GROUP, kind: "ClusterRole", name },
    subjects,
  };
  const watched = orNamespace(value("watchNamespaces"));
  const [role, binding] = roleIn(item(), name, EXPORT_RIGHTS);
  return [
    when(value("clusterWide"), clusterRole, each(watched, role)),
    when(value("clusterWide"), clusterRoleBinding, each(watched, binding)),
  ];
})();

/** Rights to make Services, in each chosen namespace. */
export const importRoles: readonly When<Each<RoleTemplate>>[] = roleIn(
  item(),
  named("import"),
  IMPORT_RIGHTS,
).map((body) => when(value("importServices"), each(orNamespace(value("importNamespaces")), body)));

/** Authorization by roles (RBAC), in force for everybody but the group system:masters. */
import type { User } from "./authentication.ts";
import { type Json, type JsonObject, objectIn, objectsIn, textIn, textsIn } from "./json.ts";
import type { RequestInfo } from "./request-info.ts";
import { forbidden, StatusError } from "./status.ts";
import type { Storage } from "./storage.ts";

const MASTERS = "system:masters";

/** What a rule is asked about. */
export interface Attributes {
  readonly verb: string;
  readonly group: string;
  /** With its subresource: `services/status`. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** For a path that names no resource. */
  readonly path?: string;
}

/** A rule of a role, as it applies: in one namespace or in all. */
interface Grant {
  readonly rule: JsonObject;
  /** "" for all. */
  readonly namespace: string;
}

export class Authorizer {
  readonly #storage: Storage;
  /** Rights that a test took away for a while, whatever the roles say. */
  readonly denied = new Set<(user: User, attributes: Attributes) => boolean>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** @throws StatusError 403 in the words of the real server */
  authorize(user: User, { verb, target, path, query }: RequestInfo): void {
    if (target === undefined) {
      const attributes = { verb, group: "", resource: "", namespace: "", name: "", path };
      if (this.allows(user, attributes)) return;
      const message = `forbidden: User "${user.name}" cannot ${verb} path "${path}"`;
      throw new StatusError(403, "Forbidden", message, {});
    }
    const { group, namespace, subresource } = target;
    const resource = subresource === "" ? target.resource : `${target.resource}/${subresource}`;
    const name = target.name === "" ? nameSelectedBy(query) : target.name;
    if (this.allows(user, { verb, group, resource, namespace, name })) return;
    throw forbidden(
      { group, resource: target.resource },
      name,
      refusal(user, { verb, group, resource, namespace, name }),
    );
  }

  allows(user: User, attributes: Attributes): boolean {
    for (const denies of this.denied) if (denies(user, attributes)) return false;
    if (user.groups.includes(MASTERS)) return true;
    return this.#grants(user).some(
      ({ rule, namespace }) =>
        (namespace === "" || namespace === attributes.namespace) && covers(rule, attributes),
    );
  }

  /** The rules of a user in a namespace, for SelfSubjectRulesReview. */
  rulesFor(user: User, namespace: string): JsonObject[] {
    if (user.groups.includes(MASTERS)) return [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }];
    return this.#grants(user)
      .filter((grant) => grant.namespace === "" || grant.namespace === namespace)
      .map(({ rule }) => rule);
  }

  /**
   * Rules that a user may not grant, since the user does not have them: nobody extends the own rights by a role.
   * @param namespace "" for the whole cluster
   */
  escalations(user: User, rules: readonly JsonObject[], namespace: string): JsonObject[] {
    if (user.groups.includes(MASTERS)) return [];
    return rules.filter((rule) =>
      single(rule).some((attributes) => !this.allows(user, { ...attributes, namespace })),
    );
  }

  /** The rules of the role that a binding names. Undefined where there is none. */
  rulesOf(roleRef: JsonObject, namespace: string): JsonObject[] | undefined {
    const name = textIn(roleRef.name);
    const role =
      roleRef.kind === "ClusterRole"
        ? this.#storage.collection("clusterroles.rbac.authorization.k8s.io").get(name)
        : this.#storage.collection("roles.rbac.authorization.k8s.io").get(`${namespace}/${name}`);
    return role === undefined ? undefined : objectsIn(role.rules);
  }

  #grants(user: User): Grant[] {
    const grants: Grant[] = [];
    const add = (binding: JsonObject, namespace: string) => {
      if (!objectsIn(binding.subjects).some((subject) => isSubject(subject, user, namespace))) return;
      const rules = this.rulesOf(objectIn(binding.roleRef), namespace) ?? [];
      for (const rule of rules) grants.push({ rule, namespace });
    };
    for (const each of this.#storage.collection("clusterrolebindings.rbac.authorization.k8s.io").list()) {
      add(each, "");
    }
    for (const each of this.#storage.collection("rolebindings.rbac.authorization.k8s.io").list()) {
      add(each, each.metadata.namespace ?? "");
    }
    return grants;
  }
}

/** `system:serviceaccount:a:b" cannot list resource …`. */
function refusal(user: User, { verb, group, resource, namespace }: Attributes): string {
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  return `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${where}`;
}

/** A field selector `metadata.name=x` of a list or watch counts as that name. */
function nameSelectedBy(query: URLSearchParams): string {
  const [, name = ""] = /^metadata\.name==?([^,]+)$/.exec(query.get("fieldSelector") ?? "") ?? [];
  return name;
}

function isSubject(subject: JsonObject, user: User, namespace: string): boolean {
  const name = textIn(subject.name);
  if (subject.kind === "User") return user.name === name;
  if (subject.kind === "Group") return user.groups.includes(name);
  const of = textIn(subject.namespace) === "" ? namespace : textIn(subject.namespace);
  return subject.kind === "ServiceAccount" && user.name === `system:serviceaccount:${of}:${name}`;
}

const has = (values: Json | undefined, value: string) => {
  const among = textsIn(values);
  return among.includes("*") || among.includes(value);
};

function covers(rule: JsonObject, { verb, group, resource, name, path }: Attributes): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (path !== undefined) {
    return textsIn(rule.nonResourceURLs).some((url) =>
      url.endsWith("*") ? path.startsWith(url.slice(0, -1)) : url === path,
    );
  }
  const [, subresource] = resource.split("/");
  const named = textsIn(rule.resourceNames);
  return (
    has(rule.apiGroups, group) &&
    (has(rule.resources, resource) ||
      (subresource !== undefined && textsIn(rule.resources).includes(`*/${subresource}`))) &&
    (named.length === 0 || named.includes(name))
  );
}

/** A rule taken apart: one verb, one resource, one name. */
function single(rule: JsonObject): Attributes[] {
  const names = textsIn(rule.resourceNames);
  const of = (resource: string, group: string, verb: string) =>
    (names.length === 0 ? [""] : names).map((name) => ({ verb, group, resource, namespace: "", name }));
  return [
    ...textsIn(rule.resources).flatMap((resource) =>
      textsIn(rule.apiGroups).flatMap((group) =>
        textsIn(rule.verbs).flatMap((verb) => of(resource, group, verb)),
      ),
    ),
    ...textsIn(rule.nonResourceURLs).flatMap((path) =>
      textsIn(rule.verbs).map((verb) => ({ verb, group: "", resource: "", namespace: "", name: "", path })),
    ),
  ];
}

/** Discovery: what the server serves, plain, aggregated, and as OpenAPI v3. */
import { builtInSchemas, resolve } from "./built-in-schemas.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";
import { apiVersionOf, type GroupVersionKind } from "./object.ts";
import type { Registry } from "./registry.ts";
import type { ResourceType } from "./resource-type.ts";

export const VERSION = {
  major: "1",
  minor: "36",
  gitVersion: "v1.36.0",
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "2026-04-22T00:00:00Z",
  goVersion: "go1.26.0",
  compiler: "gc",
  platform: "linux/amd64",
};

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/** Resources that answer a question and store nothing. */
const REVIEWS = [
  { group: "authorization.k8s.io", resource: "selfsubjectaccessreviews", kind: "SelfSubjectAccessReview" },
  { group: "authorization.k8s.io", resource: "selfsubjectrulesreviews", kind: "SelfSubjectRulesReview" },
  { group: "authorization.k8s.io", resource: "subjectaccessreviews", kind: "SubjectAccessReview" },
  { group: "authentication.k8s.io", resource: "tokenreviews", kind: "TokenReview" },
  { group: "authentication.k8s.io", resource: "selfsubjectreviews", kind: "SelfSubjectReview" },
] as const;

interface Listed {
  readonly group: string;
  readonly version: string;
  readonly name: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly kind: string;
  readonly verbs: readonly string[];
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** The type of a subresource that has a type of another group. */
  readonly of?: GroupVersionKind;
}

/** All resources and subresources, in every version. */
function listed(registry: Registry): Listed[] {
  const stored = registry.types().flatMap((type) =>
    type.versions.flatMap(({ version }): Listed[] => {
      const shared = { group: type.group, version, namespaced: type.namespaced };
      const sub = (name: string, kind: string, verbs: readonly string[]) => ({
        ...shared,
        name: `${type.resource}/${name}`,
        singular: "",
        kind,
        verbs,
        shortNames: [],
        categories: [],
      });
      return [
        {
          ...shared,
          name: type.resource,
          singular: type.singular,
          kind: type.kind,
          verbs: VERBS,
          shortNames: type.shortNames ?? [],
          categories: type.categories ?? [],
        },
        ...(type.hasStatus ? [sub("status", type.kind, ["get", "patch", "update"])] : []),
        ...(type.hasScale === true
          ? [
              {
                ...sub("scale", "Scale", ["get", "patch", "update"]),
                of: { group: "autoscaling", version: "v1", kind: "Scale" },
              },
            ]
          : []),
        ...(type.resource === "serviceaccounts" ? [sub("token", "TokenRequest", ["create"])] : []),
      ];
    }),
  );
  const reviews = REVIEWS.map(
    ({ group, resource, kind }): Listed => ({
      group,
      version: "v1",
      name: resource,
      singular: kind.toLowerCase(),
      namespaced: false,
      kind,
      verbs: ["create"],
      shortNames: [],
      categories: [],
    }),
  );
  return [...stored, ...reviews];
}

/** Versions of each group, in the order of preference. */
export function groupsOf(registry: Registry): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { group, version } of listed(registry)) {
    const versions = groups.get(group) ?? [];
    if (!versions.includes(version)) versions.push(version);
    groups.set(group, versions);
  }
  return groups;
}

function groupDocument(group: string, versions: readonly string[]): JsonObject {
  const of = versions.map((version) => ({ groupVersion: apiVersionOf({ group, version }), version }));
  return { name: group, versions: of, preferredVersion: of[0] ?? null };
}

/** The plain documents, by path. Undefined for a path that has none. */
export function discoveryDocument(registry: Registry, path: string): JsonObject | undefined {
  const groups = groupsOf(registry);
  const [root, first, second, ...rest] = path.split("/").filter((part) => part !== "");
  if (rest.length > 0) return undefined;
  if (root === "api" && first === undefined) {
    return {
      kind: "APIVersions",
      versions: ["v1"],
      serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "127.0.0.1:443" }],
    };
  }
  if (root === "apis" && first === undefined) {
    const named = [...groups].filter(([group]) => group !== "");
    return {
      kind: "APIGroupList",
      apiVersion: "v1",
      groups: named.map(([group, versions]) => groupDocument(group, versions)),
    };
  }
  if (root === "apis" && first !== undefined && second === undefined) {
    const versions = groups.get(first);
    return versions === undefined
      ? undefined
      : { kind: "APIGroup", apiVersion: "v1", ...groupDocument(first, versions) };
  }
  const group = root === "api" ? "" : (first ?? "");
  const version = root === "api" ? first : second;
  const resources = listed(registry).filter((each) => each.group === group && each.version === version);
  if (version === undefined || resources.length === 0 || (root === "api" && second !== undefined))
    return undefined;
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version }),
    resources: resources.map(({ name, singular, namespaced, kind, verbs, shortNames, categories, of }) => ({
      ...(of === undefined ? {} : { group: of.group, version: of.version }),
      name,
      singularName: singular,
      namespaced,
      kind,
      verbs: [...verbs],
      ...(shortNames.length === 0 ? {} : { shortNames: [...shortNames] }),
      ...(categories.length === 0 ? {} : { categories: [...categories] }),
    })),
  };
}

/** The aggregated document of `/api` or `/apis`. */
export function aggregatedDocument(registry: Registry, path: "/api" | "/apis"): JsonObject {
  const all = listed(registry);
  const groups = [...groupsOf(registry)].filter(([group]) => (group === "") === (path === "/api"));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map(([group, versions]) => ({
      metadata: group === "" ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
      versions: versions.map((version) => ({
        version,
        freshness: "Current",
        resources: aggregated(all.filter((each) => each.group === group && each.version === version)),
      })),
    })),
  };
}

function aggregated(all: readonly Listed[]): Json[] {
  const kindOf = ({ group, version, kind, of }: Listed): JsonObject => ({
    ...(of ?? { group, version, kind }),
  });
  return all
    .filter(({ name }) => !name.includes("/"))
    .map((each) => ({
      resource: each.name,
      responseKind: kindOf(each),
      scope: each.namespaced ? "Namespaced" : "Cluster",
      singularResource: each.singular,
      verbs: [...each.verbs],
      ...(each.shortNames.length === 0 ? {} : { shortNames: [...each.shortNames] }),
      ...(each.categories.length === 0 ? {} : { categories: [...each.categories] }),
      subresources: all
        .filter(({ name }) => name.startsWith(`${each.name}/`))
        .map((sub) => ({
          subresource: sub.name.slice(each.name.length + 1),
          responseKind: kindOf(sub),
          verbs: [...sub.verbs],
        })),
    }));
}

/** `/openapi/v3`: where the document of each group and version is. */
export function openApiIndex(registry: Registry): JsonObject {
  const paths = [...groupsOf(registry)].flatMap(([group, versions]) =>
    versions.map((version) => (group === "" ? `api/${version}` : `apis/${group}/${version}`)),
  );
  return {
    paths: Object.fromEntries(paths.map((path) => [path, { serverRelativeURL: `/openapi/v3/${path}` }])),
  };
}

/** The OpenAPI v3 document of one group and version. */
export function openApiDocument(registry: Registry, group: string, version: string): JsonObject | undefined {
  const schemas: JsonObject = {};
  const paths: JsonObject = {};
  for (const type of registry.types()) {
    const served = type.versions.find((each) => each.version === version);
    if (type.group !== group || served === undefined) continue;
    const name = type.custom ? `${group.split(".").reverse().join(".")}.${version}.${type.kind}` : "";
    const known = [...builtInSchemas()].find(([, schema]) => schema === served.schema)?.[0];
    const schemaName = known ?? (name === "" ? `${group}.${version}.${type.kind}` : name);
    const extension = { group, version, kind: type.kind };
    schemas[schemaName] = {
      ...written(served.schema, schemas),
      "x-kubernetes-group-version-kind": [extension],
    };
    paths[pathOf(type, version)] = pathItem(extension, schemaName);
  }
  if (Object.keys(paths).length === 0) return undefined;
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: VERSION.gitVersion },
    paths,
    components: { schemas },
  };
}

function pathOf({ group, resource, namespaced }: ResourceType, version: string): string {
  const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespaced ? "/namespaces/{namespace}" : ""}/${resource}/{name}`;
}

function pathItem(extension: Json, schemaName: string): JsonObject {
  const parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map((name) => ({
    name,
    in: "query",
    schema: { type: name === "force" ? "boolean" : "string", uniqueItems: true },
  }));
  const content = { "application/json": { schema: { $ref: `#/components/schemas/${schemaName}` } } };
  const responses = { "200": { description: "OK", content } };
  return {
    get: { responses, "x-kubernetes-action": "get", "x-kubernetes-group-version-kind": extension },
    patch: {
      parameters,
      responses,
      requestBody: { content: { "application/apply-patch+yaml": { schema: { type: "object" } } } },
      "x-kubernetes-action": "patch",
      "x-kubernetes-group-version-kind": extension,
    },
  };
}

/** Writes a schema with references as OpenAPI has them, and collects what it refers to. */
function written(value: unknown, into: JsonObject): JsonObject {
  const copy = (each: unknown): Json => {
    if (Array.isArray(each)) return each.map(copy);
    if (!isObject(each)) return each as Json;
    if (typeof each.$ref === "string") {
      const name = each.$ref;
      if (into[name] === undefined) {
        into[name] = {};
        into[name] = copy(resolve({ $ref: name }) as Json);
      }
      return { $ref: `#/components/schemas/${name}` };
    }
    return Object.fromEntries(
      Object.entries(each)
        .filter(([key, inner]) => inner !== undefined && key !== "format")
        .map(([key, inner]) => [key, copy(inner)]),
    );
  };
  return copy(value) as JsonObject;
}

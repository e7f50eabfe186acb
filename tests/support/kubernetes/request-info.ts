/** What a request asks for, as authorization and routing need it. */

export interface RequestInfo {
  readonly path: string;
  readonly query: URLSearchParams;
  /** get, list, watch, create, update, patch, delete, deletecollection; for other paths the method in lower case. */
  readonly verb: string;
  /** Undefined for a path that names no resource. */
  readonly target: Target | undefined;
}

export interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  /** Also the namespace itself, for requests about a namespace. */
  readonly namespace: string;
  readonly name: string;
}

const VERBS: Readonly<Record<string, string>> = {
  GET: "get",
  HEAD: "get",
  POST: "create",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Subresources of namespaces: `/namespaces/NAME/status` names no resource `status` within a namespace. */
const OF_NAMESPACES = ["status", "finalize"];

/** Reads method and URL. */
export function readRequestInfo(method: string, url: string): RequestInfo {
  const { pathname, searchParams } = new URL(url, "https://server");
  const target = targetOf(decodeURIComponent(pathname));
  const verb = VERBS[method] ?? method.toLowerCase();
  const base = { path: pathname, query: searchParams, target };
  if (target === undefined) return { ...base, verb: method.toLowerCase() };
  if (target.name !== "") return { ...base, verb };
  if (verb === "delete") return { ...base, verb: "deletecollection" };
  if (verb !== "get") return { ...base, verb };
  return { ...base, verb: isTrue(searchParams.get("watch")) ? "watch" : "list" };
}

export const isTrue = (value: string | null) => value !== null && value !== "0" && value !== "false";

/** Reads `/api/VERSION/…` and `/apis/GROUP/VERSION/…`. */
function targetOf(path: string): Target | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const core = parts[0] === "api";
  if (!core && parts[0] !== "apis") return undefined;
  const group = core ? "" : (parts[1] ?? "");
  const version = parts[core ? 1 : 2] ?? "";
  const rest = parts.slice(core ? 2 : 3);
  if (rest.length === 0) return undefined;
  const inNamespace =
    rest[0] === "namespaces" && rest.length > 2 && !(core && OF_NAMESPACES.includes(rest[2] ?? ""));
  const [resource = "", name = "", subresource = ""] = inNamespace ? rest.slice(2) : rest;
  const namespace = inNamespace ? (rest[1] ?? "") : core && resource === "namespaces" ? name : "";
  return { group, version, resource, subresource, namespace, name };
}

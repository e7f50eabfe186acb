/** Fills the holes of templates: objects of Kubernetes, with comments or without. */
import {
  Commented,
  Each,
  Expression,
  type Fields,
  isGiven,
  type Node,
  Optional,
  type Scope,
  SPLICE,
  Splice,
  Text,
  When,
} from "./template.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/** A template without holes: only comments are left. */
export type Filled =
  | string
  | number
  | boolean
  | null
  | readonly Filled[]
  | { readonly [key: string]: Filled }
  | Commented<Filled>;

/** Returns the documents of a list with their holes filled. */
export function fillAll(nodes: readonly Node[], scope: Scope): readonly Filled[] {
  return nodes.flatMap((node) => fillItem(node, scope));
}

/** The items that stand for a node of a list. */
function fillItem(node: Node, scope: Scope): readonly Filled[] {
  if (node instanceof When) {
    const body = isGiven(node.condition.in(scope)) ? node.body : node.otherwise;
    if (body === undefined) return [];
    return isList(body) ? fillAll(body, scope) : fillItem(body, scope);
  }
  if (node instanceof Each)
    return node.list.in(scope).flatMap((item) => fillItem(node.body, { ...scope, item }));
  if (node instanceof Splice) {
    const list = copied(node.value.in(scope));
    return Array.isArray(list) ? list : [];
  }
  if (node instanceof Commented)
    return fillItem(node.body, scope).map((body) => new Commented(node.comment, body));
  const filled = fill(node, scope);
  return filled === undefined ? [] : [filled];
}

/** Undefined for what is left out. */
function fill(node: Node, scope: Scope): Filled | undefined {
  if (node instanceof Expression) return copied(node.in(scope));
  if (node instanceof Text) return textIn(node, scope);
  if (node instanceof When) {
    const body = isGiven(node.condition.in(scope)) ? node.body : node.otherwise;
    return body === undefined ? undefined : fill(body, scope);
  }
  if (node instanceof Optional) {
    const found = node.value.in(scope);
    return isGiven(found) ? copied(found) : undefined;
  }
  if (node instanceof Commented) {
    const body = fill(node.body, scope);
    return body === undefined ? undefined : new Commented(node.comment, body);
  }
  if (isList(node)) return fillAll(node, scope);
  if (typeof node !== "object" || node === null) return node;
  return fillFields(node, scope);
}

function fillFields(fields: Node, scope: Scope): Filled {
  const filled: Record<string, Filled> = {};
  for (const [key, node] of Object.entries(fields as Fields)) {
    if (node === undefined) continue;
    if (key === SPLICE && node instanceof Splice) Object.assign(filled, node.value.in(scope));
    else {
      const found = fill(node, scope);
      if (found !== undefined) filled[key] = found;
    }
  }
  return filled;
}

const isList = (node: Node | Filled): node is readonly Node[] & readonly Filled[] => Array.isArray(node);

const textIn = ({ parts }: Text, scope: Scope): string =>
  parts.map((part) => (typeof part === "string" ? part : String(part.in(scope)))).join("");

const copied = (found: unknown): Json => JSON.parse(JSON.stringify(found));

/** Returns the object without its comments. */
export function withoutComments(filled: Filled): Json {
  if (filled instanceof Commented) return withoutComments(filled.body);
  if (Array.isArray(filled)) return filled.map(withoutComments);
  if (typeof filled !== "object" || filled === null) return filled;
  return Object.fromEntries(Object.entries(filled).map(([key, each]) => [key, withoutComments(each)]));
}

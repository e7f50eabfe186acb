/** Sets of fields, as metadata.managedFields writes them: `f:name`, `k:{"name":"x"}`, `v:"x"`. */
import { equal, isObject, type Json, type JsonObject, shown } from "../json.ts";
import type { Resolver, Schema } from "../schema.ts";

/** Keys of lists that an object may leave out, with their defaults. */
const KEY_DEFAULTS: Readonly<Record<string, Json>> = { protocol: "TCP" };

export class FieldSet {
  readonly #children = new Map<string, FieldSet>();
  /** The path that ends here is in the set. */
  member = false;

  static parse(written: JsonObject): FieldSet {
    const set = new FieldSet();
    for (const [key, value] of Object.entries(written)) {
      if (key === ".") set.member = true;
      else set.#children.set(key, FieldSet.parse(isObject(value) ? value : {}));
    }
    if (set.#children.size === 0) set.member = true;
    return set;
  }

  /** The form of FieldsV1. */
  toJson(): JsonObject {
    const written: JsonObject = this.member && this.#children.size > 0 ? { ".": {} } : {};
    for (const [key, child] of [...this.#children].sort(([a], [b]) => (a < b ? -1 : 1))) {
      written[key] = child.toJson();
    }
    return written;
  }

  get isEmpty(): boolean {
    return !this.member && [...this.#children.values()].every((child) => child.isEmpty);
  }

  child(key: string): FieldSet | undefined {
    return this.#children.get(key);
  }

  entries(): IterableIterator<[string, FieldSet]> {
    return this.#children.entries();
  }

  at(key: string): FieldSet {
    let found = this.#children.get(key);
    if (found === undefined) {
      found = new FieldSet();
      this.#children.set(key, found);
    }
    return found;
  }

  has(path: readonly string[]): boolean {
    const [key, ...rest] = path;
    if (key === undefined) return this.member;
    return this.#children.get(key)?.has(rest) ?? false;
  }

  insert(path: readonly string[]): void {
    let set: FieldSet = this;
    for (const key of path) set = set.at(key);
    set.member = true;
  }

  /** All paths of the set. */
  paths(prefix: readonly string[] = []): string[][] {
    const found: string[][] = this.member ? [[...prefix]] : [];
    for (const [key, child] of this.#children) found.push(...child.paths([...prefix, key]));
    return found;
  }

  /** Paths of this set for which the test is true. */
  filter(test: (path: readonly string[]) => boolean): FieldSet {
    const result = new FieldSet();
    for (const path of this.paths()) if (test(path)) result.insert(path);
    return result;
  }

  minus(other: FieldSet): FieldSet {
    return this.filter((path) => !other.has(path));
  }

  and(other: FieldSet): FieldSet {
    return this.filter((path) => other.has(path));
  }

  or(other: FieldSet): FieldSet {
    const result = this.filter(() => true);
    for (const path of other.paths()) result.insert(path);
    return result;
  }
}

/** `.spec.ports[port=80,protocol="TCP"].name`, as conflicts name fields. */
export function pathText(path: readonly string[]): string {
  return path
    .map((part) => {
      if (part.startsWith("f:")) return `.${part.slice(2)}`;
      if (part.startsWith("v:")) return `[=${part.slice(2)}]`;
      const keys = Object.entries(JSON.parse(part.slice(2)));
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    })
    .join("");
}

export const isAtomic = (value: Json, schema: Schema): boolean => {
  if (Array.isArray(value)) return !["map", "set"].includes(schema["x-kubernetes-list-type"] ?? "atomic");
  return !isObject(value) || schema["x-kubernetes-map-type"] === "atomic";
};

/** The members of a value that merges, with their parts of a path. */
export function membersOf(
  value: Json,
  schema: Schema,
  resolve: Resolver,
): (readonly [key: string, value: Json, schema: Schema])[] {
  if (Array.isArray(value)) {
    const items = resolve(schema.items);
    const keys = schema["x-kubernetes-list-map-keys"];
    return value.map((each) => [
      keys === undefined ? `v:${shown(each)}` : `k:${shown(identityOf(each, keys))}`,
      each,
      keys === undefined ? {} : items,
    ]);
  }
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => {
    if (each === undefined) return [];
    return [[`f:${key}`, each, fieldSchema(schema, key, resolve)] as const];
  });
}

function identityOf(item: Json, keys: readonly string[]): JsonObject {
  const object = isObject(item) ? item : {};
  return Object.fromEntries(keys.map((key) => [key, object[key] ?? KEY_DEFAULTS[key]]));
}

/** The schema of a field: of its type, with what the field itself says of merging. */
export function fieldSchema(schema: Schema, key: string, resolve: Resolver): Schema {
  const { properties, additionalProperties } = schema;
  const found = properties?.[key] ?? (typeof additionalProperties === "object" ? additionalProperties : {});
  return found.$ref === undefined ? found : { ...resolve(found), ...found, $ref: undefined };
}

/** All fields that a value sets. */
export function fieldsOf(value: Json, schema: Schema, resolve: Resolver): FieldSet {
  const set = new FieldSet();
  const walk = (each: Json, of: Schema, into: FieldSet) => {
    const members = isAtomic(each, of) ? [] : membersOf(each, of, resolve);
    if (members.length === 0) into.member = true;
    for (const [key, member, memberSchema] of members) {
      const child = into.at(key);
      if (Array.isArray(each)) child.member = true;
      walk(member, memberSchema, child);
    }
  };
  for (const [key, member, of] of membersOf(value, schema, resolve)) walk(member, of, set.at(key));
  return set;
}

export interface Comparison {
  /** Fields that were added or have another value. */
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}

/** Compares two values of one type. */
export function compare(before: Json, after: Json, schema: Schema, resolve: Resolver): Comparison {
  const old = fieldsOf(before, schema, resolve);
  const now = fieldsOf(after, schema, resolve);
  const oldValues = valuesOf(before, schema, resolve);
  const newValues = valuesOf(after, schema, resolve);
  const changed = now.filter((path) => {
    const key = path.join("\0");
    return !old.has(path) || !equal(oldValues.get(key), newValues.get(key));
  });
  return { changed, removed: old.minus(now) };
}

/** Values of the fields that do not merge, by path. */
function valuesOf(value: Json, schema: Schema, resolve: Resolver): Map<string, Json> {
  const found = new Map<string, Json>();
  const walk = (each: Json, of: Schema, path: string) => {
    const members = isAtomic(each, of) ? [] : membersOf(each, of, resolve);
    if (members.length === 0) found.set(path, each);
    for (const [key, member, memberSchema] of members) {
      walk(member, memberSchema, path === "" ? key : `${path}\0${key}`);
    }
  };
  walk(value, schema, "");
  return found;
}

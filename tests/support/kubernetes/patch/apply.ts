/** Server-side apply: who manages which field, and what happens when two do. */
import { isObject, type Json, type JsonObject, objectsIn, textIn } from "../json.ts";
import { type KubeObject, timeOf } from "../object.ts";
import type { Resolver, Schema } from "../schema.ts";
import { StatusError } from "../status.ts";
import { compare, FieldSet, fieldSchema, fieldsOf, isAtomic, membersOf, pathText } from "./field-set.ts";

/** Who writes. */
export interface Writer {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
}

interface Managed extends Writer {
  readonly time: string;
  readonly fields: FieldSet;
}

/** Fields that nobody manages. */
const UNMANAGED = new Set(
  [
    "apiVersion",
    "kind",
    ...[
      "name",
      "namespace",
      "generateName",
      "uid",
      "resourceVersion",
      "generation",
      "creationTimestamp",
      "deletionTimestamp",
      "deletionGracePeriodSeconds",
      "selfLink",
      "managedFields",
    ].map((name) => `metadata\0f:${name}`),
  ].map((path) => `f:${path}`),
);

export interface TypeOfFields {
  readonly schema: Schema;
  readonly resolve: Resolver;
  readonly hasStatus: boolean;
}

/** Leaves out what a writer cannot manage: status through the main resource, all else through the subresource. */
function managedBy(fields: FieldSet, { subresource }: Writer, { hasStatus }: TypeOfFields): FieldSet {
  return fields.filter((path) => {
    if (UNMANAGED.has(path.slice(0, 2).join("\0")) || UNMANAGED.has(path[0] ?? "")) return false;
    if (subresource === "status") return path[0] === "f:status";
    return !hasStatus || path[0] !== "f:status";
  });
}

function read(object: JsonObject): Managed[] {
  const { managedFields } = isObject(object.metadata) ? object.metadata : {};
  return objectsIn(managedFields)
    .filter(({ manager }) => manager !== undefined)
    .map(({ manager, operation, apiVersion, time, fieldsV1, subresource }) => ({
      manager: textIn(manager),
      operation: operation === "Apply" ? "Apply" : "Update",
      apiVersion: textIn(apiVersion),
      subresource: textIn(subresource),
      time: textIn(time),
      fields: FieldSet.parse(isObject(fieldsV1) ? fieldsV1 : {}),
    }));
}

const write = (managed: readonly Managed[]): Json[] =>
  managed
    .filter(({ fields }) => !fields.isEmpty)
    .map(({ manager, operation, apiVersion, time, fields, subresource }) => ({
      manager,
      operation,
      apiVersion,
      time,
      fieldsType: "FieldsV1",
      fieldsV1: fields.toJson(),
      ...(subresource === "" ? {} : { subresource }),
    }));

const isSame = (a: Writer, b: Writer) =>
  a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;

/** Notes in metadata.managedFields who wrote what in a write that is no apply. */
export function noteUpdate(
  before: KubeObject | undefined,
  after: KubeObject,
  writer: Writer,
  type: TypeOfFields,
  now: number,
): void {
  const managed = read(after.metadata.managedFields === undefined && before !== undefined ? before : after);
  const { changed, removed } = compare(before ?? {}, after, type.schema, type.resolve);
  const mine = managedBy(changed, writer, type);
  const gone = managedBy(removed, writer, type);
  const time = timeOf(now);
  const rest = managed.map((each) => {
    const lost = isSame(each, writer) ? gone : mine.or(gone);
    return { ...each, fields: each.fields.minus(lost) };
  });
  const own = rest.find((each) => isSame(each, writer));
  if (own === undefined) rest.push({ ...writer, time, fields: mine });
  else if (!mine.isEmpty) rest[rest.indexOf(own)] = { ...own, time, fields: own.fields.or(mine) };
  after.metadata.managedFields = write(rest);
}

/**
 * Applies a configuration.
 * @param live undefined for an object that the apply creates
 * @returns the object with its managers
 * @throws StatusError 409 when another manager has set a field otherwise and `force` is false
 */
export function applyConfiguration(
  live: JsonObject | undefined,
  configuration: JsonObject,
  writer: Writer,
  force: boolean,
  type: TypeOfFields,
  now: number,
): JsonObject {
  const { schema, resolve } = type;
  const managed = live === undefined ? [] : read(live);
  const merged = merge(live ?? {}, configuration, schema, resolve) as JsonObject;
  const mine = managedBy(fieldsOf(configuration, schema, resolve), writer, type);
  const { changed } = compare(live ?? {}, merged, schema, resolve);
  const others = managed.filter((each) => !isSame(each, writer));
  const conflicts = others.flatMap((each) => {
    const fields = each.fields.and(changed).and(mine);
    return fields.isEmpty ? [] : [{ each, fields }];
  });
  if (conflicts.length > 0 && !force) throw conflictError(conflicts);
  const kept = others.map((each) => ({ ...each, fields: each.fields.minus(changed.and(mine)) }));
  const previous = managed.find((each) => isSame(each, writer));
  const ownedByOthers = kept.reduce((all, { fields }) => all.or(fields), new FieldSet());
  const dropped = previous?.fields.minus(mine).filter((path) => !owns(ownedByOthers, path));
  const result = dropped === undefined ? merged : (remove(merged, dropped, schema, resolve) as JsonObject);
  const unchanged = previous !== undefined && changed.isEmpty && mine.minus(previous.fields).isEmpty;
  const time = unchanged ? previous.time : timeOf(now);
  const managedFields = write([{ ...writer, time, fields: mine }, ...kept]);
  return { ...result, metadata: { ...(isObject(result.metadata) ? result.metadata : {}), managedFields } };
}

/** True when a set has a path, or anything within it. */
function owns(set: FieldSet, path: readonly string[]): boolean {
  let found: FieldSet | undefined = set;
  for (const key of path) found = found?.child(key);
  return found !== undefined && !found.isEmpty;
}

function conflictError(conflicts: readonly { each: Managed; fields: FieldSet }[]): StatusError {
  const named = conflicts.flatMap(({ each, fields }) =>
    fields.paths().map((path) => ({
      who: `"${each.manager}"${each.subresource === "" ? "" : ` with subresource "${each.subresource}"`}${
        each.operation === "Update" ? ` using ${each.apiVersion}` : ""
      }`,
      field: pathText(path),
    })),
  );
  const groups = Map.groupBy(named, ({ who }) => who);
  const texts = [...groups].map(([who, fields]) =>
    fields.length === 1
      ? `conflict with ${who}: ${fields[0]?.field}`
      : `conflicts with ${who}:\n${fields.map(({ field }) => `- ${field}`).join("\n")}`,
  );
  const many = named.length === 1 ? "1 conflict" : `${named.length} conflicts`;
  return new StatusError(409, "Conflict", `Apply failed with ${many}: ${texts.join("\n")}`, {
    causes: named.map(({ who, field }) => ({
      reason: "FieldManagerConflict",
      message: `conflict with ${who}`,
      field,
    })),
  });
}

/** Merges a configuration into a value. */
function merge(live: Json | undefined, configuration: Json, schema: Schema, resolve: Resolver): Json {
  if (live === undefined || live === null || isAtomic(configuration, schema))
    return structuredClone(configuration);
  if (Array.isArray(configuration)) {
    const wanted = new Map(membersOf(configuration, schema, resolve).map(([key, value]) => [key, value]));
    const items = schema["x-kubernetes-list-map-keys"] === undefined ? {} : resolve(schema.items);
    const kept = membersOf(live, schema, resolve).map(([key, value]) => {
      const found = wanted.get(key);
      wanted.delete(key);
      return found === undefined ? value : merge(value, found, items, resolve);
    });
    return [...kept, ...structuredClone([...wanted.values()])];
  }
  if (!isObject(configuration) || !isObject(live)) return structuredClone(configuration);
  const result: JsonObject = { ...live };
  for (const [key, value] of Object.entries(configuration)) {
    if (value === undefined) continue;
    result[key] = merge(live[key], value, fieldSchema(schema, key, resolve), resolve);
  }
  return result;
}

/** Takes fields out of a value. Maps and lists that lose their last member are taken out as well. */
function remove(value: Json, fields: FieldSet, schema: Schema, resolve: Resolver): Json | undefined {
  const members = membersOf(value, schema, resolve);
  const left = members.flatMap(([key, member, of]) => {
    const child = fields.child(key);
    if (child === undefined) return [[key, member] as const];
    const isLeaf = [...child.entries()].length === 0;
    if (child.member && (isLeaf || Array.isArray(value))) return [];
    const rest = remove(member, child, of, resolve);
    return rest === undefined ? [] : [[key, rest] as const];
  });
  if (left.length === 0 && members.length > 0) return undefined;
  if (Array.isArray(value)) return left.map(([, member]) => member);
  return Object.fromEntries(left.map(([key, member]) => [key.slice(2), member]));
}

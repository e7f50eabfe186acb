/** The patches that are no server-side apply: JSON Patch, JSON Merge Patch and strategic merge patch. */
import jsonPatch from "fast-json-patch";
import { equal, isObject, type Json, type JsonObject, listIn, objectsIn, shown } from "../json.ts";
import type { Resolver, Schema } from "../schema.ts";
import { badRequest, StatusError } from "../status.ts";

/** Operations that the server takes in one JSON Patch. */
const MAX_OPERATIONS = 10_000;
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  add: ["path", "value"],
  replace: ["path", "value"],
  test: ["path", "value"],
  remove: ["path"],
  move: ["path", "from"],
  copy: ["path", "from"],
};

/** Applies a JSON Patch (RFC 6902). @throws StatusError 400 for what is no patch, 422 for one that does not fit */
export function applyJsonPatch(object: JsonObject, patch: Json): JsonObject {
  if (!Array.isArray(patch)) {
    const kind = isObject(patch) ? "object" : typeof patch;
    throw badRequest(`json: cannot unmarshal ${kind} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > MAX_OPERATIONS) {
    throw new StatusError(
      413,
      "RequestEntityTooLarge",
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  for (const operation of patch) {
    const fields = isObject(operation) ? FIELDS[String(operation.op)] : undefined;
    if (!isObject(operation) || fields?.some((field) => operation[field] === undefined) !== false) {
      throw unfit(`Unexpected kind: ${shown(operation)}`);
    }
  }
  try {
    const { newDocument } = jsonPatch.applyPatch(structuredClone(object), patch as never, true);
    return newDocument;
  } catch (error) {
    throw unfit(error instanceof Error ? error.message : String(error));
  }
}

const unfit = (why: string) =>
  new StatusError(422, "Invalid", "the server rejected our request due to an error in our request", {
    causes: [{ reason: "UnexpectedServerResponse", message: why }],
  });

/** Applies a JSON Merge Patch (RFC 7386). */
export function applyMergePatch(value: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return structuredClone(patch);
  const result: JsonObject = isObject(value) ? { ...value } : {};
  for (const [key, each] of Object.entries(patch)) {
    if (each === null || each === undefined) delete result[key];
    else result[key] = applyMergePatch(result[key], each);
  }
  return result;
}

const DIRECTIVE = "$patch";
const ORDER = "$setElementOrder/";
const REMOVED = "$deleteFromPrimitiveList/";
const RETAINED = "$retainKeys";

/** Applies a strategic merge patch along a built-in type's schema. */
export function applyStrategicPatch(
  object: JsonObject,
  patch: JsonObject,
  given: Schema,
  resolve: Resolver,
): JsonObject {
  const schema = resolve(given);
  if (patch[DIRECTIVE] === "replace") return without(patch);
  if (patch[DIRECTIVE] === "delete") return {};
  const result: JsonObject = { ...object };
  const retained = patch[RETAINED];
  if (Array.isArray(retained)) {
    for (const key of Object.keys(result)) if (!retained.includes(key)) delete result[key];
  }
  for (const [key, each] of Object.entries(patch)) {
    if (key.startsWith(REMOVED)) {
      const field = key.slice(REMOVED.length);
      result[field] = listIn(result[field]).filter(
        (value) => !listIn(each).some((gone) => equal(gone, value)),
      );
      continue;
    }
    if (key.startsWith("$")) continue;
    if (each === null || each === undefined) delete result[key];
    else {
      const property = resolve(schema.properties?.[key] ?? additional(schema));
      result[key] = merged(result[key], each, { ...property, ...schema.properties?.[key] }, resolve);
    }
  }
  for (const [key, order] of Object.entries(patch)) {
    if (!key.startsWith(ORDER)) continue;
    const field = key.slice(ORDER.length);
    const mergeKey = schema.properties?.[field]?.["x-kubernetes-patch-merge-key"];
    result[field] = ordered(listIn(result[field]), listIn(order), mergeKey);
  }
  return result;
}

const additional = ({ additionalProperties }: Schema): Schema =>
  typeof additionalProperties === "object" ? additionalProperties : {};

function merged(value: Json | undefined, patch: Json, schema: Schema, resolve: Resolver): Json {
  if (isObject(patch)) return applyStrategicPatch(isObject(value) ? value : {}, patch, schema, resolve);
  if (!Array.isArray(patch) || schema["x-kubernetes-patch-strategy"] !== "merge")
    return structuredClone(patch);
  const key = schema["x-kubernetes-patch-merge-key"];
  if (key === undefined) {
    const old = listIn(value);
    return [...old, ...patch.filter((each) => !old.some((known) => equal(known, each)))];
  }
  if (objectsIn(patch).some((each) => each[DIRECTIVE] === "replace" && each[key] === undefined)) {
    return objectsIn(patch).filter((each) => each[DIRECTIVE] === undefined);
  }
  let result = objectsIn(value);
  for (const each of objectsIn(patch)) {
    if (each[key] === undefined) {
      throw badRequest(`map: ${shown(each)} does not contain declared merge key: ${key}`);
    }
    const same = (other: JsonObject) => equal(other[key], each[key]);
    if (each[DIRECTIVE] === "delete") result = result.filter((other) => !same(other));
    else if (result.some(same)) {
      result = result.map((other) =>
        same(other) ? applyStrategicPatch(other, each, schema.items ?? {}, resolve) : other,
      );
    } else result = [...result, without(each)];
  }
  return result;
}

/** Copies an object without directives. */
function without(patch: JsonObject): JsonObject {
  return structuredClone(Object.fromEntries(Object.entries(patch).filter(([key]) => !key.startsWith("$"))));
}

/** Orders a list as `$setElementOrder` has it; what the order does not name keeps its place at the end. */
function ordered(values: readonly Json[], order: readonly Json[], key: string | undefined): Json[] {
  const identity = (value: Json) =>
    key === undefined ? shown(value) : shown(isObject(value) ? value[key] : value);
  const places = new Map(order.map((each, index) => [identity(each), index]));
  const place = (value: Json) => places.get(identity(value)) ?? order.length;
  return values.toSorted((a, b) => place(a) - place(b));
}

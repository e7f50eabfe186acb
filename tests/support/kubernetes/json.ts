/** JSON values of the API, and look-ups in them that do not throw. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
/** A field that is undefined is absent. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object in a field; an empty one where there is none. */
export function objectIn(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

export function listIn(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

export function objectsIn(value: Json | undefined): JsonObject[] {
  return listIn(value).map(objectIn);
}

export function textIn(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

export function textsIn(value: Json | undefined): string[] {
  return listIn(value).filter((each) => typeof each === "string");
}

/** Follows fields: `at(service, "spec", "ports")`. */
export function at(value: Json | undefined, ...path: string[]): Json | undefined {
  return path.reduce<Json | undefined>((found, key) => (isObject(found) ? found[key] : undefined), value);
}

/** True for values that JSON writes alike, whatever the order of their fields. */
export function equal(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((x, i) => equal(x, b[i]));
  }
  if (!isObject(a) || !isObject(b)) return false;
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].every((key) => equal(a[key], b[key]));
}

/** Writes a value as Go's `%v` of a JSON value in an error: strings quoted, the rest as JSON. */
export function shown(value: Json | undefined): string {
  return value === undefined ? "null" : JSON.stringify(value);
}

/**
 * Schemas as OpenAPI writes them, and what the server does with them: unknown fields are pruned and named, wrong types
 * are refused, defaults are filled in.
 */
import { equal, isObject, type Json, type JsonObject, shown } from "./json.ts";
import {
  duplicate,
  type FieldFault,
  invalidValue,
  required,
  tooLong,
  tooMany,
  unsupported,
} from "./status.ts";

export interface Schema {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly Json[];
  readonly default?: Json;
  readonly nullable?: boolean;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-patch-strategy"?: string;
}

/** Finds the schema that a reference names. */
export type Resolver = (schema: Schema | undefined) => Schema;

export interface Decoded {
  readonly value: JsonObject;
  /** Paths of fields that no schema has, for fieldValidation. */
  readonly unknown: readonly string[];
  /** Fields of a wrong type: a built-in type refuses them with 400, a custom one with 422. */
  readonly wrong: readonly WrongType[];
}

export interface WrongType {
  readonly field: string;
  readonly found: string;
  readonly wanted: string;
  readonly value: Json;
  /** For a time whose text is of another form, in the words of Go's parser. */
  readonly why?: string;
}

interface Findings {
  readonly unknown: string[];
  readonly wrong: WrongType[];
}

/** Walks an object along its schema. */
export function decode(value: JsonObject, schema: Schema, resolve: Resolver): Decoded {
  const findings: Findings = { unknown: [], wrong: [] };
  const pruned = walk(value, schema, "", resolve, findings);
  return { value: isObject(pruned) ? pruned : {}, ...findings };
}

function walk(value: Json, given: Schema, path: string, resolve: Resolver, findings: Findings): Json {
  const schema = resolve(given);
  const wanted = wantedType(schema);
  if (wanted !== undefined && !isOfType(value, wanted, schema)) {
    findings.wrong.push({ field: path, found: typeNamed(value), wanted, value });
    return value;
  }
  if (typeof value === "string") return timed(value, schema, path, findings);
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return value;
    return value
      .filter((each) => each !== null)
      .map((each, index) => walk(each, items, `${path}[${index}]`, resolve, findings));
  }
  return isObject(value) ? walkObject(value, schema, path, resolve, findings) : value;
}

function walkObject(
  value: JsonObject,
  schema: Schema,
  path: string,
  resolve: Resolver,
  findings: Findings,
): JsonObject {
  const { properties = {}, additionalProperties } = schema;
  const open =
    schema["x-kubernetes-preserve-unknown-fields"] === true ||
    (schema.properties === undefined &&
      (additionalProperties === undefined || additionalProperties === true));
  const result: JsonObject = {};
  for (const [key, each] of Object.entries(value)) {
    if (each === undefined) continue;
    const field = path === "" ? key : `${path}.${key}`;
    const known = Object.hasOwn(properties, key)
      ? properties[key]
      : isObject(additionalProperties)
        ? additionalProperties
        : undefined;
    if (known !== undefined) {
      if (each === null && resolve(known).nullable !== true) continue;
      result[key] = walk(each, known as Schema, field, resolve, findings);
    } else if (open) result[key] = each;
    else findings.unknown.push(field);
  }
  for (const [key, property] of Object.entries(properties)) {
    const { default: standard } = property;
    if (standard !== undefined && result[key] === undefined) result[key] = structuredClone(standard);
  }
  return result;
}

function wantedType(schema: Schema): string | undefined {
  if (schema["x-kubernetes-int-or-string"] === true || schema.format === "int-or-string")
    return "int-or-string";
  return schema.type;
}

function isOfType(value: Json, wanted: string, { nullable }: Schema): boolean {
  if (value === null) return nullable === true;
  switch (wanted) {
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "int-or-string":
      return Number.isInteger(value) || typeof value === "string";
    default:
      return typeof value === wanted;
  }
}

export const typeNamed = (value: Json) =>
  value === null ? "null" : Array.isArray(value) ? "array" : typeof value;

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const MICRO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$/;

/** Checks the text of a time. metav1.Time loses its fraction; metav1.MicroTime must have six digits of it. */
function timed(value: string, { format }: Schema, path: string, findings: Findings): string {
  if (format === "micro-time" && !MICRO.test(value)) {
    const [, rest = value] = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(.*)$/.exec(value) ?? [];
    const why = `parsing time "${value}" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "${rest}" as ".000000"`;
    findings.wrong.push({ field: path, found: "string", wanted: "time", value, why });
  }
  if (format !== "date-time") return value;
  if (RFC3339.test(value) && !Number.isNaN(Date.parse(value))) return value.replace(/\.\d+/, "");
  const why = `parsing time "${value}" as "2006-01-02T15:04:05Z07:00": cannot parse "${value}" as "2006"`;
  findings.wrong.push({ field: path, found: "string", wanted: "time", value, why });
  return value;
}

/** Finds what a structural schema refuses beyond types, in the words of the real server's validator. */
export function validate(
  value: Json | undefined,
  given: Schema,
  path: string,
  resolve: Resolver,
): FieldFault[] {
  const schema = resolve(given);
  if (value === undefined || value === null) return [];
  const faults: FieldFault[] = [];
  if (schema.enum !== undefined && !schema.enum.some((each) => equal(each, value))) {
    faults.push(unsupported(path, value, schema.enum.map(String)));
  }
  if (typeof value === "string") faults.push(...textFaults(value, schema, path));
  if (typeof value === "number") faults.push(...numberFaults(value, schema, path));
  if (Array.isArray(value)) {
    faults.push(...listFaults(value, schema, path));
    const { items } = schema;
    if (items !== undefined) {
      faults.push(...value.flatMap((each, i) => validate(each, items, `${path}[${i}]`, resolve)));
    }
  } else if (isObject(value)) {
    for (const key of schema.required ?? []) {
      if (value[key] === undefined) faults.push(required(path === "" ? key : `${path}.${key}`));
    }
    for (const [key, each] of Object.entries(value)) {
      const known =
        schema.properties?.[key] ??
        (typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined);
      if (known !== undefined) {
        faults.push(...validate(each, known, path === "" ? key : `${path}.${key}`, resolve));
      }
    }
  }
  return faults;
}

function textFaults(value: string, schema: Schema, path: string): FieldFault[] {
  const faults: FieldFault[] = [];
  if (schema.maxLength !== undefined && value.length > schema.maxLength) {
    faults.push(tooLong(path, schema.maxLength));
  }
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    faults.push(
      invalidValue(path, value, `${path} in body should be at least ${schema.minLength} chars long`),
    );
  }
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) {
    faults.push(invalidValue(path, value, `${path} in body should match '${schema.pattern}'`));
  }
  return faults;
}

function numberFaults(value: number, { minimum, maximum }: Schema, path: string): FieldFault[] {
  if (minimum !== undefined && value < minimum) {
    return [invalidValue(path, value, `${path} in body should be greater than or equal to ${minimum}`)];
  }
  if (maximum !== undefined && value > maximum) {
    return [invalidValue(path, value, `${path} in body should be less than or equal to ${maximum}`)];
  }
  return [];
}

function listFaults(value: readonly Json[], schema: Schema, path: string): FieldFault[] {
  const { maxItems, minItems } = schema;
  if (maxItems !== undefined && value.length > maxItems) return [tooMany(path, value.length, maxItems)];
  if (minItems !== undefined && value.length < minItems) {
    return [invalidValue(path, value.length, `${path} in body should have at least ${minItems} items`)];
  }
  const keys = schema["x-kubernetes-list-map-keys"];
  const kind = schema["x-kubernetes-list-type"];
  if (kind !== "map" && kind !== "set") return [];
  const seen = new Set<string>();
  return value.flatMap((each, index) => {
    const identity =
      keys === undefined
        ? each
        : Object.fromEntries(keys.map((key) => [key, isObject(each) ? each[key] : undefined]));
    const text = shown(identity);
    if (!seen.has(text)) {
      seen.add(text);
      return [];
    }
    return [duplicate(`${path}[${index}]`, identity)];
  });
}

/**
 * Finds texts and numbers that a built-in type needs and an object leaves out: Go reads them as "" and 0, which the
 * type's validation refuses nearly everywhere.
 */
export function missingScalars(
  value: Json | undefined,
  given: Schema | undefined,
  path: string,
  resolve: Resolver,
): FieldFault[] {
  const schema = resolve(given);
  if (Array.isArray(value)) {
    return value.flatMap((each, i) => missingScalars(each, schema.items, `${path}[${i}]`, resolve));
  }
  if (!isObject(value)) return [];
  const missing = (schema.required ?? []).filter((key) => {
    const { type } = resolve(schema.properties?.[key]);
    return value[key] === undefined && (type === "string" || type === "integer");
  });
  return [
    ...missing.map((key) => required(`${path}.${key}`)),
    ...Object.entries(value).flatMap(([key, each]) =>
      missingScalars(each, schema.properties?.[key] ?? {}, `${path}.${key}`, resolve),
    ),
  ];
}

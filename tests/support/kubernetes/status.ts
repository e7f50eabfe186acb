/** Refusals: the objects of kind Status that the server answers with, in the words of the real one. */
import type { Json, JsonObject } from "./json.ts";

export interface Cause extends JsonObject {
  reason: string;
  message: string;
  field: string;
}

/** A fault of a field of an object. */
export interface FieldFault {
  /** `spec.ports[1].name`. */
  readonly field: string;
  readonly reason: string;
  readonly message: string;
}

/** A resource in messages. */
export interface Named {
  readonly group: string;
  /** Plural. */
  readonly resource: string;
}

/** An answer other than success. */
export class StatusError extends Error {
  readonly status: JsonObject;
  readonly code: number;
  readonly reason: string;
  /** Seconds for the header Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: JsonObject,
    metadata: JsonObject = {},
  ) {
    super(message);
    this.code = code;
    this.reason = reason;
    this.retryAfter = typeof details?.retryAfterSeconds === "number" ? details.retryAfterSeconds : undefined;
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata,
      status: "Failure",
      message,
      ...(reason === "" ? {} : { reason }),
      ...(details === undefined ? {} : { details }),
      code,
    };
  }
}

const qualified = ({ group, resource }: Named) => (group === "" ? resource : `${resource}.${group}`);

function detailsOf({ group, resource }: Named, name: string, causes?: Cause[]): JsonObject {
  return {
    ...(name === "" ? {} : { name }),
    ...(group === "" ? {} : { group }),
    kind: resource,
    ...(causes === undefined ? {} : { causes }),
  };
}

export const notFound = (of: Named, name: string) =>
  new StatusError(404, "NotFound", `${qualified(of)} "${name}" not found`, detailsOf(of, name));

/** For paths that name no resource. */
export const noSuchPath = () =>
  new StatusError(404, "NotFound", "the server could not find the requested resource", {});

export const alreadyExists = (of: Named, name: string) =>
  new StatusError(409, "AlreadyExists", `${qualified(of)} "${name}" already exists`, detailsOf(of, name));

export const conflict = (of: Named, name: string, why: string) =>
  new StatusError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualified(of)} "${name}": ${why}`,
    detailsOf(of, name),
  );

export const MODIFIED =
  "the object has been modified; please apply your changes to the latest version and try again";

export const forbidden = (of: Named, name: string, why: string, causes?: Cause[]) =>
  new StatusError(
    403,
    "Forbidden",
    `${qualified(of)}${name === "" ? "" : ` "${name}"`} is forbidden: ${why}`,
    detailsOf(of, name, causes),
  );

export const unauthorized = () => new StatusError(401, "Unauthorized", "Unauthorized");

export const badRequest = (message: string) => new StatusError(400, "BadRequest", message);

export const methodNotAllowed = () =>
  new StatusError(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );

export const unsupportedMediaType = (accepted: readonly string[]) =>
  new StatusError(
    415,
    "UnsupportedMediaType",
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(", ")}`,
  );

export const notAcceptable = (accepted: readonly string[]) =>
  new StatusError(
    406,
    "NotAcceptable",
    `only the following media types are accepted: ${accepted.join(", ")}`,
  );

export const tooLarge = (limit: number) =>
  new StatusError(413, "RequestEntityTooLarge", `Request entity too large: limit is ${limit}`);

export const internal = (message: string) =>
  new StatusError(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ message }],
  });

/** A resource version, or a token to continue with, whose history is gone. */
export const expired = (message: string, metadata?: JsonObject) =>
  new StatusError(410, "Expired", message, undefined, metadata);

/** A resource version that the server has not reached. */
export const versionTooLarge = (asked: number, current: number) =>
  new StatusError(504, "Timeout", `Too large resource version: ${asked}, current: ${current}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });

/** An object that its type allows and its validation does not. The kind is "" for a patch, as the real server has it. */
export function invalid(
  of: { readonly group: string; readonly kind: string },
  name: string,
  faults: readonly FieldFault[],
): StatusError {
  const texts = faults.map(({ field, message }) => `${field}: ${message}`);
  const all = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  const kind = of.group === "" ? of.kind : `${of.kind}.${of.group}`;
  return new StatusError(422, "Invalid", `${kind} "${name}" is invalid: ${all}`, {
    ...(name === "" ? {} : { name }),
    ...(of.group === "" ? {} : { group: of.group }),
    ...(of.kind === "" ? {} : { kind: of.kind }),
    causes: faults.map(({ field, reason, message }) => ({ reason, message, field })),
  });
}

export const required = (field: string, why = ""): FieldFault => ({
  field,
  reason: "FieldValueRequired",
  message: why === "" ? "Required value" : `Required value: ${why}`,
});

export const invalidValue = (field: string, value: Json | undefined, why: string): FieldFault => ({
  field,
  reason: "FieldValueInvalid",
  message: `Invalid value: ${value === undefined ? "null" : JSON.stringify(value)}: ${why}`,
});

export const duplicate = (field: string, value: Json): FieldFault => ({
  field,
  reason: "FieldValueDuplicate",
  message: `Duplicate value: ${JSON.stringify(value)}`,
});

export const unsupported = (field: string, value: Json, supported: readonly string[]): FieldFault => ({
  field,
  reason: "FieldValueNotSupported",
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported
    .map((each) => JSON.stringify(each))
    .join(", ")}`,
});

export const forbiddenField = (field: string, why: string): FieldFault => ({
  field,
  reason: "FieldValueForbidden",
  message: `Forbidden: ${why}`,
});

export const tooLong = (field: string, limit: number): FieldFault => ({
  field,
  reason: "FieldValueTooLong",
  message: `Too long: may not be more than ${limit} bytes`,
});

export const tooMany = (field: string, count: number, limit: number): FieldFault => ({
  field,
  reason: "FieldValueTooMany",
  message: `Too many: ${count}: must have at most ${limit} items`,
});

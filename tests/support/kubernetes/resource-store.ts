/** Reads and writes of objects, with everything that the server checks on the way. */
import type { User } from "./authentication.ts";
import type { Authorizer } from "./authorization.ts";
import { resolve } from "./built-in-schemas.ts";
import {
  at,
  equal,
  isObject,
  type Json,
  type JsonObject,
  objectIn,
  objectsIn,
  shown,
  textIn,
  textsIn,
} from "./json.ts";
import {
  changesSpec,
  countsGenerations,
  keyOf,
  metadataFaults,
  newMetadata,
  updatedMetadata,
} from "./metadata.ts";
import { apiVersionOf, type KubeObject, timeOf } from "./object.ts";
import { applyConfiguration, noteUpdate, type Writer } from "./patch/apply.ts";
import { applyJsonPatch, applyMergePatch, applyStrategicPatch } from "./patch/patches.ts";
import type { Found } from "./registry.ts";
import { decode, missingScalars, type Schema, validate } from "./schema.ts";
import {
  alreadyExists,
  badRequest,
  conflict,
  forbidden,
  invalid,
  invalidValue,
  MODIFIED,
  notFound,
  required,
  StatusError,
} from "./status.ts";
import type { Collection, Storage } from "./storage.ts";

/** How a request writes. */
export interface WriteOptions {
  readonly user: User;
  readonly dryRun: boolean;
  readonly manager: string;
  /** What happens to fields that no schema knows. */
  readonly validation: "Strict" | "Warn" | "Ignore";
  /** Sentences for the header Warning. */
  readonly warnings: string[];
}

export interface DeleteOptions {
  readonly dryRun: boolean;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
  /** Seconds; undefined for the object's own. */
  readonly gracePeriod: number | undefined;
  readonly propagation: "Background" | "Foreground" | "Orphan";
}

/** Which object, of which type in which version. */
export interface Place extends Found {
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
}

export interface Written {
  readonly object: KubeObject;
  readonly created: boolean;
}

export class ResourceStore {
  readonly #storage: Storage;
  readonly #authorizer: Authorizer;

  constructor(storage: Storage, authorizer: Authorizer) {
    this.#storage = storage;
    this.#authorizer = authorizer;
  }

  collection({ type }: Found): Collection {
    return this.#storage.collection(type.storedAs);
  }

  /** @throws StatusError 404 */
  get(place: Place): KubeObject {
    const found = this.collection(place).get(keyOf(place.namespace, place.name));
    if (found === undefined) throw notFound(place.type, place.name);
    return this.#shown(place, found);
  }

  create(place: Place, body: JsonObject, options: WriteOptions): KubeObject {
    const { type, namespace } = place;
    const given = this.#decode(place, body, options);
    const metadata = objectIn(given.metadata);
    if (textIn(metadata.resourceVersion) !== "") {
      throw new StatusError(500, "", "resourceVersion should not be set on objects to be created");
    }
    this.#checkNamespaceOf(metadata, place);
    const object = { ...given, metadata: newMetadata(metadata, namespace, Date.now()) } as KubeObject;
    if (type.hasStatus) delete object.status;
    if (countsGenerations(type)) object.metadata.generation = 1;
    delete object.metadata.managedFields;
    // The creator manages what the server fills in, too.
    type.complete?.(object, undefined);
    noteUpdate(undefined, object, this.#writer(place, options, "Update"), fieldsType(place), Date.now());
    return this.#shown(place, this.#store(place, object, undefined, options));
  }

  update(place: Place, body: JsonObject, options: WriteOptions): KubeObject {
    const given = this.#decode(place, body, options);
    const metadata = objectIn(given.metadata);
    const name = textIn(metadata.name);
    if (name !== "" && name !== place.name) {
      throw badRequest(`the name of the object (${name}) does not match the name on the URL (${place.name})`);
    }
    this.#checkNamespaceOf(metadata, place);
    const before = this.#stored(place);
    const needsVersion = place.type.custom || place.type.resource === "leases";
    if (needsVersion && textIn(metadata.resourceVersion) === "") {
      throw invalid(place.type, place.name, [
        invalidValue("metadata.resourceVersion", 0, "must be specified for an update"),
      ]);
    }
    return this.#shown(place, this.#replace(place, before, given, options));
  }

  /** @param contentType the media type of the patch, without parameters */
  patch(place: Place, contentType: string, patch: Json, force: boolean, options: WriteOptions): Written {
    const before = this.collection(place).get(keyOf(place.namespace, place.name));
    if (contentType === "application/apply-patch+yaml")
      return this.#apply(place, before, patch, force, options);
    if (before === undefined) throw notFound(place.type, place.name);
    const current = this.#shown(place, before);
    const patched = patchedBy(contentType, current, patch, place.version.schema);
    const given = this.#decode(place, patched, options, patch);
    return { object: this.#shown(place, this.#replace(place, before, given, options)), created: false };
  }

  /** @returns the object as it is after the deletion began, and whether it is gone */
  delete(place: Place, options: DeleteOptions): { readonly object: KubeObject; readonly gone: boolean } {
    const before = this.#stored(place);
    const { metadata } = before;
    const { type, name } = place;
    const differs = (what: string, wanted: string, has: string) =>
      conflict(
        type,
        name,
        `Precondition failed: ${what} in precondition: ${wanted}, ${what} in object meta: ${has}`,
      );
    if (options.uid !== undefined && options.uid !== metadata.uid) {
      throw differs("UID", options.uid, metadata.uid);
    }
    if (options.resourceVersion !== undefined && options.resourceVersion !== metadata.resourceVersion) {
      throw differs("ResourceVersion", options.resourceVersion, metadata.resourceVersion);
    }
    const grace = this.#graceOf(place, before, options);
    const finalizers = new Set(textsIn(metadata.finalizers));
    if (options.propagation === "Foreground") finalizers.add("foregroundDeletion");
    if (options.propagation === "Orphan") finalizers.add("orphan");
    const isNamespace = type.resource === "namespaces" && type.group === "";
    if (finalizers.size === 0 && grace === 0 && !isNamespace) {
      if (options.dryRun) return { object: this.#shown(place, before), gone: true };
      const last = this.collection(place).remove(keyOf(place.namespace, name)) ?? before;
      return { object: this.#shown(place, last), gone: true };
    }
    const after = structuredClone(before);
    after.metadata.deletionTimestamp ??= timeOf(Date.now() + grace * 1000);
    after.metadata.deletionGracePeriodSeconds ??= grace;
    if (finalizers.size > 0) after.metadata.finalizers = [...finalizers];
    if (after.metadata.generation !== undefined && metadata.deletionTimestamp === undefined) {
      after.metadata.generation += 1;
    }
    if (isNamespace) after.status = { ...objectIn(after.status), phase: "Terminating" };
    if (options.dryRun || equal(before, after)) return { object: this.#shown(place, after), gone: false };
    const stored = this.collection(place).put(keyOf(place.namespace, name), after);
    return { object: this.#shown(place, stored), gone: false };
  }

  #graceOf({ type }: Place, { spec }: KubeObject, { gracePeriod }: DeleteOptions): number {
    if (type.graceful !== true || textIn(at(spec, "nodeName")) === "") return 0;
    return gracePeriod ?? Number(at(spec, "terminationGracePeriodSeconds") ?? 30);
  }

  #apply(
    place: Place,
    before: KubeObject | undefined,
    patch: Json,
    force: boolean,
    options: WriteOptions,
  ): Written {
    const { type, version, name, namespace } = place;
    if (!isObject(patch)) throw badRequest("error decoding YAML: json: cannot unmarshal into an object");
    if (options.manager === "") {
      throw invalid({ group: "meta.k8s.io", kind: "PatchOptions" }, "", [
        required("fieldManager", "is required for apply patch"),
      ]);
    }
    const expected = apiVersionOf({ group: type.group, version: version.version });
    if (patch.kind !== type.kind || patch.apiVersion !== expected) {
      throw badRequest(
        `the object provided is unrecognized (must be of type ${type.kind}): couldn't get version/kind; json parse error`,
      );
    }
    const metadata = objectIn(patch.metadata);
    if (textIn(metadata.name) !== name) {
      throw badRequest(
        `the name of the object (${textIn(metadata.name)}) does not match the name on the URL (${name})`,
      );
    }
    if (metadata.managedFields !== undefined) throw badRequest("metadata.managedFields must be nil");
    const { unknown, value } = decode(patch, version.schema, resolve);
    const [first] = unknown;
    if (first !== undefined) {
      throw new StatusError(
        500,
        "",
        `failed to create typed patch object (${keyOf(namespace, name)}; ${expected}, Kind=${type.kind}): .${first}: field not declared in schema`,
      );
    }
    if (before === undefined && place.subresource !== "") throw notFound(type, name);
    const writer = this.#writer(place, options, "Apply");
    const live = before === undefined ? undefined : this.#shown(place, before);
    const applied = applyConfiguration(live, value, writer, force, fieldsType(place), Date.now());
    const given = this.#decode(place, applied, options);
    if (before !== undefined) {
      const object = this.#replace(place, before, given, options, true);
      return { object: this.#shown(place, object), created: false };
    }
    this.#checkNamespaceOf(metadata, place);
    const object = {
      ...given,
      metadata: newMetadata(objectIn(given.metadata), namespace, Date.now()),
    } as KubeObject;
    if (type.hasStatus) delete object.status;
    if (countsGenerations(type)) object.metadata.generation = 1;
    return { object: this.#shown(place, this.#store(place, object, undefined, options)), created: true };
  }

  /** Puts a given object in the place of a stored one. @param applied true when its managers are noted already */
  #replace(
    place: Place,
    before: KubeObject,
    given: JsonObject,
    options: WriteOptions,
    applied = false,
  ): KubeObject {
    const { type, name } = place;
    const metadata = objectIn(given.metadata);
    const version = textIn(metadata.resourceVersion);
    if (version !== "" && version !== before.metadata.resourceVersion) throw conflict(type, name, MODIFIED);
    const uid = textIn(metadata.uid);
    if (uid !== "" && uid !== before.metadata.uid) {
      throw conflict(
        type,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`,
      );
    }
    const object =
      place.subresource === "status"
        ? ({ ...before, status: given.status } as KubeObject)
        : ({ ...given, metadata: updatedMetadata(metadata, before.metadata) } as KubeObject);
    if (place.subresource === "status") {
      object.metadata = { ...before.metadata };
      if (metadata.managedFields !== undefined)
        object.metadata.managedFields = metadata.managedFields as Json[];
    } else if (type.hasStatus) object.status = before.status;
    if (object.status === undefined) delete object.status;
    const copy = structuredClone(object);
    type.complete?.(copy, before);
    if (!applied) {
      noteUpdate(before, copy, this.#writer(place, options, "Update"), fieldsType(place), Date.now());
    }
    if (countsGenerations(type) && changesSpec(before, copy, type)) {
      copy.metadata.generation = (before.metadata.generation ?? 0) + 1;
    }
    return this.#store(place, copy, before, options);
  }

  #store(
    place: Place,
    object: KubeObject,
    before: KubeObject | undefined,
    { dryRun, user }: WriteOptions,
  ): KubeObject {
    const { type, namespace } = place;
    const { name } = object.metadata;
    if (before === undefined) type.complete?.(object, before);
    if (before === undefined) this.#admit(place, name);
    const faults = [
      ...metadataFaults(object, before?.metadata, type),
      ...(type.custom
        ? validate(object, place.version.schema, "", resolve)
        : missingScalars(object.spec, place.version.schema.properties?.spec, "spec", resolve)),
      ...(type.faults?.(object, before) ?? []),
    ];
    if (faults.length > 0) throw invalid(type, name, faults);
    this.#refuseEscalation(place, object, user);
    const collection = this.collection(place);
    const key = keyOf(namespace, name);
    if (before === undefined && collection.get(key) !== undefined) throw alreadyExists(type, name);
    if (before !== undefined && isUnchanged(before, object)) return before;
    if (dryRun) return object;
    const { finalizers, deletionTimestamp } = object.metadata;
    const released = deletionTimestamp !== undefined && textsIn(finalizers).length === 0;
    if (released && before !== undefined && textsIn(before.metadata.finalizers).length > 0) {
      return collection.remove(key, object) ?? object;
    }
    return collection.put(key, object);
  }

  /** Content comes only into namespaces that exist and are not on their way out. */
  #admit({ type, namespace }: Place, name: string): void {
    if (!type.namespaced) return;
    const found = this.#storage.collection("namespaces").get(namespace);
    if (found === undefined) throw notFound({ group: "", resource: "namespaces" }, namespace);
    if (at(found.status, "phase") !== "Terminating") return;
    throw forbidden(
      type,
      name,
      `unable to create new content in namespace ${namespace} because it is being terminated`,
      [
        {
          reason: "NamespaceTerminating",
          message: `namespace ${namespace} is being terminated`,
          field: "metadata.namespace",
        },
      ],
    );
  }

  /** Nobody grants rights that the grantor does not have. */
  #refuseEscalation({ type, namespace }: Place, object: KubeObject, user: User): void {
    if (type.group !== "rbac.authorization.k8s.io") return;
    const isBinding = type.resource.endsWith("bindings");
    const rules = isBinding
      ? (this.#authorizer.rulesOf(objectIn(object.roleRef), namespace) ?? [])
      : objectsIn(object.rules);
    const missing = this.#authorizer.escalations(user, rules, namespace);
    if (missing.length === 0) return;
    const verb = isBinding ? "bind" : "escalate";
    const resource = isBinding && at(object.roleRef, "kind") === "ClusterRole" ? "clusterroles" : "roles";
    const name = isBinding ? textIn(at(object.roleRef, "name")) : object.metadata.name;
    const attributes = { verb, group: type.group, resource, namespace, name };
    if (this.#authorizer.allows(user, attributes)) return;
    const groups = JSON.stringify(user.groups).replaceAll(",", " ");
    throw forbidden(
      type,
      object.metadata.name,
      `user ${JSON.stringify(user.name)} (groups=${groups}) is attempting to grant RBAC permissions not currently held:\n${missing
        .map((rule) => shown(rule))
        .join("\n")}`,
    );
  }

  /** Reads a body as an object of the place's type. */
  #decode(place: Place, body: JsonObject, options: WriteOptions, patch?: Json): JsonObject {
    const { type, version } = place;
    const expected = apiVersionOf({ group: type.group, version: version.version });
    const { kind, apiVersion } = body;
    if (type.custom && textIn(kind) === "") throw badRequest(`Object 'Kind' is missing in '${shown(body)}'`);
    if (textIn(kind) !== "" && (kind !== type.kind || apiVersion !== expected)) {
      throw badRequest(
        kind === type.kind
          ? `the API version in the data (${shown(apiVersion).slice(1, -1)}) does not match the expected API version (${expected})`
          : `${shown(kind).slice(1, -1)} in version "${textIn(apiVersion)}" cannot be handled as a ${type.kind}: no kind "${kind}" is registered`,
      );
    }
    const { value, unknown, wrong } = decode(body, version.schema, resolve);
    const [first] = wrong;
    const prefix = `${type.kind} in version "${version.version}" cannot be handled as a ${type.kind}: `;
    if (first !== undefined && (!type.custom || first.field.startsWith("metadata"))) {
      const why =
        first.why ??
        `json: cannot unmarshal ${first.found} into Go struct field ${type.kind}.${first.field} of type ${first.wanted}`;
      if (patch !== undefined) throw invalidPatch(patch, why);
      throw badRequest(`${prefix}${why}`);
    }
    if (first !== undefined) {
      throw invalid(
        type,
        textIn(objectIn(body.metadata).name),
        wrong.map(({ field, wanted, found, value: is }) =>
          invalidValue(field, is, `${field} in body must be of type ${wanted}: "${found}"`),
        ),
      );
    }
    this.#judgeUnknown(unknown, prefix, options, patch);
    const decoded = { ...value, apiVersion: expected, kind: type.kind };
    const stored = version.toStored?.(decoded) ?? decoded;
    if (type.custom) stored.apiVersion = expected;
    return stored;
  }

  #judgeUnknown(unknown: readonly string[], prefix: string, options: WriteOptions, patch?: Json): void {
    if (unknown.length === 0 || options.validation === "Ignore") return;
    const sentences = unknown.map((field) => `unknown field "${field}"`);
    if (options.validation === "Warn") {
      options.warnings.push(...sentences);
      return;
    }
    const why = `strict decoding error: ${sentences.join(", ")}`;
    if (patch !== undefined) throw invalidPatch(patch, why);
    throw badRequest(`${prefix}${why}`);
  }

  #checkNamespaceOf({ namespace }: JsonObject, place: Place): void {
    if (!place.type.namespaced || namespace === undefined || namespace === place.namespace) return;
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }

  #stored(place: Place): KubeObject {
    const found = this.collection(place).get(keyOf(place.namespace, place.name));
    if (found === undefined) throw notFound(place.type, place.name);
    return found;
  }

  #shown({ version }: Found, object: KubeObject): KubeObject {
    return version.fromStored?.(object) ?? object;
  }

  #writer(
    { type, version, subresource }: Place,
    { manager }: WriteOptions,
    operation: Writer["operation"],
  ): Writer {
    return {
      manager,
      operation,
      apiVersion: apiVersionOf({ group: type.group, version: version.version }),
      subresource,
    };
  }
}

/** True when nothing but the times of managers differs. */
function isUnchanged(before: KubeObject, after: KubeObject): boolean {
  const without = ({ metadata, ...rest }: KubeObject): Json => ({
    ...rest,
    metadata: {
      ...metadata,
      managedFields: objectsIn(metadata.managedFields).map(({ time: _, ...entry }) => entry),
    },
  });
  return equal(without(before), without(after));
}

const fieldsType = ({ type, version }: Found) => ({
  schema: version.schema,
  resolve,
  hasStatus: type.hasStatus,
});

const invalidPatch = (patch: Json, why: string) =>
  invalid({ group: "", kind: "" }, "", [
    { field: "patch", reason: "FieldValueInvalid", message: `Invalid value: ${shown(shown(patch))}: ${why}` },
  ]);

function patchedBy(contentType: string, current: KubeObject, patch: Json, schema: Schema): JsonObject {
  switch (contentType) {
    case "application/json-patch+json":
      return applyJsonPatch(current, patch);
    case "application/merge-patch+json":
      return objectIn(applyMergePatch(current, isObject(patch) ? patch : {}));
    default:
      return applyStrategicPatch(current, objectIn(patch), schema, resolve);
  }
}

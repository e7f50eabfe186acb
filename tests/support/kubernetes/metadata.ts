/** What the server decides of an object's metadata, and what it refuses there. */
import { randomInt, randomUUID } from "node:crypto";
import { at, equal, type JsonObject, objectIn, objectsIn, textIn, textsIn } from "./json.ts";
import { labelValue, qualifiedName } from "./names.ts";
import { type KubeObject, type Metadata, timeOf } from "./object.ts";
import type { ResourceType } from "./resource-type.ts";
import { duplicate, type FieldFault, forbiddenField, invalidValue, required } from "./status.ts";

/** Letters and digits that form no words. */
const SUFFIX = "bcdfghjklmnpqrstvwxz2456789";
const MAX_ANNOTATIONS = 256 * 1024;

/** The metadata of a new object. */
export function newMetadata(given: JsonObject, namespace: string, now: number): Metadata {
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, ...rest } = given;
  const prefix = textIn(given.generateName);
  const suffix = Array.from({ length: 5 }, () => SUFFIX[randomInt(SUFFIX.length)]).join("");
  return {
    ...rest,
    name: textIn(given.name) === "" && prefix !== "" ? `${prefix.slice(0, 58)}${suffix}` : textIn(given.name),
    ...(namespace === "" ? {} : { namespace }),
    uid: randomUUID(),
    resourceVersion: "",
    creationTimestamp: timeOf(now),
  };
}

/** The metadata after an update: what no client may change stays. */
export function updatedMetadata(given: JsonObject, before: Metadata): Metadata {
  const kept = ["name", "namespace", "uid", "creationTimestamp", "generation", "deletionTimestamp"] as const;
  const metadata: Metadata = { ...given, ...before };
  for (const key of Object.keys(metadata)) {
    const isKept = kept.some((each) => each === key) || key === "deletionGracePeriodSeconds";
    if (!isKept && given[key] === undefined) delete metadata[key];
    else if (!isKept) metadata[key] = given[key];
  }
  metadata.resourceVersion = before.resourceVersion;
  return metadata;
}

export function metadataFaults(
  { metadata }: KubeObject,
  before: Metadata | undefined,
  { nameFault }: ResourceType,
): FieldFault[] {
  const faults: FieldFault[] = [];
  const { name } = metadata;
  if (before === undefined) {
    if (name === "") faults.push(required("metadata.name", "name or generateName is required"));
    else {
      const why = nameFault(name);
      if (why !== undefined) faults.push(invalidValue("metadata.name", name, why));
    }
  }
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    const keyFault = qualifiedName(key);
    if (keyFault !== undefined) faults.push(invalidValue("metadata.labels", key, keyFault));
    const why = labelValue(value);
    if (why !== undefined) faults.push(invalidValue("metadata.labels", value, why));
  }
  let size = 0;
  for (const [key, value] of Object.entries(metadata.annotations ?? {})) {
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
    const why = qualifiedName(key.toLowerCase());
    if (why !== undefined) faults.push(invalidValue("metadata.annotations", key, why));
  }
  if (size > MAX_ANNOTATIONS) {
    faults.push({
      field: "metadata.annotations",
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${MAX_ANNOTATIONS} bytes`,
    });
  }
  return [...faults, ...ownerFaults(metadata), ...finalizerFaults(metadata, before)];
}

function ownerFaults({ ownerReferences }: Metadata): FieldFault[] {
  const faults: FieldFault[] = [];
  for (const [index, owner] of objectsIn(ownerReferences).entries()) {
    for (const field of ["apiVersion", "kind", "name", "uid"]) {
      if (textIn(owner[field]) === "") {
        faults.push(
          invalidValue(
            `metadata.ownerReferences[${index}].${field}`,
            owner[field] ?? "",
            field === "apiVersion" ? "version must not be empty" : "must not be empty",
          ),
        );
      }
    }
  }
  const controllers = objectsIn(ownerReferences).filter(({ controller }) => controller === true);
  if (controllers.length > 1) {
    faults.push(
      invalidValue(
        "metadata.ownerReferences",
        objectsIn(ownerReferences),
        "Only one reference can have Controller set to true.",
      ),
    );
  }
  return faults;
}

function finalizerFaults({ finalizers }: Metadata, before: Metadata | undefined): FieldFault[] {
  const faults: FieldFault[] = [];
  const seen = new Set<string>();
  for (const [index, name] of textsIn(finalizers).entries()) {
    const path = `metadata.finalizers[${index}]`;
    const why = qualifiedName(name);
    if (why !== undefined) faults.push(invalidValue("metadata.finalizers", name, why));
    else if (!name.includes("/") && !["foregroundDeletion", "orphan", "kubernetes"].includes(name)) {
      faults.push(
        invalidValue(path, name, "name is neither a standard finalizer name nor is it fully qualified"),
      );
    }
    if (seen.has(name)) faults.push(duplicate(path, name));
    seen.add(name);
    if (before?.deletionTimestamp !== undefined && !textsIn(before.finalizers).includes(name)) {
      faults.push(
        forbiddenField(
          "metadata.finalizers",
          `no new finalizers can be added if the object is being deleted, found new finalizers []string{${JSON.stringify(name)}}`,
        ),
      );
    }
  }
  return faults;
}

/** True when an update changes what `generation` counts: all but metadata and status. */
export function changesSpec(before: KubeObject, after: KubeObject, { custom }: ResourceType): boolean {
  if (!custom) return !equal(at(before, "spec"), at(after, "spec"));
  const { metadata: _, status: __, apiVersion: ___, ...old } = before;
  const { metadata: ____, status: _____, apiVersion: ______, ...now } = after;
  return !equal(old, now);
}

/** Types whose objects count their generations. */
export const countsGenerations = ({ custom, resource, group }: ResourceType) =>
  custom ||
  group === "apps" ||
  group === "networking.k8s.io" ||
  group === "policy" ||
  ["pods", "endpointslices", "customresourcedefinitions"].includes(resource);

export const keyOf = (namespace: string, name: string) => (namespace === "" ? name : `${namespace}/${name}`);

export const labelsOf = (object: JsonObject): Record<string, string> =>
  Object.fromEntries(
    Object.entries(objectIn(objectIn(object.metadata).labels)).map(([key, value]) => [key, textIn(value)]),
  );

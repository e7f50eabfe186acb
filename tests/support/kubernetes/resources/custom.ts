/** CustomResourceDefinitions, and the resources that they define. */
import { at, isObject, type JsonObject, objectIn, objectsIn, textIn, textsIn } from "../json.ts";
import { dnsSubdomain } from "../names.ts";
import { apiVersionOf, type KubeObject, timeOf } from "../object.ts";
import type { Column, ResourceType } from "../resource-type.ts";
import type { Schema } from "../schema.ts";
import { type FieldFault, forbiddenField, invalidValue, required } from "../status.ts";
import { AGE, builtIn, column, NAME } from "./built-in.ts";

export const CRD_GROUP = "apiextensions.k8s.io";

/** The package of declarations writes JSONSchemaProps as unions, so this type is open. */
const CRD_SCHEMA: Schema = {
  type: "object",
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    metadata: { $ref: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
    spec: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
    status: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  },
};

export const CUSTOM_RESOURCE_DEFINITION: ResourceType = {
  ...builtIn("io.k8s.api.core.v1", {
    group: CRD_GROUP,
    resource: "customresourcedefinitions",
    kind: "Namespace",
    namespaced: false,
    hasStatus: true,
    shortNames: ["crd", "crds"],
    versions: [{ version: "v1", schema: CRD_SCHEMA }],
    complete: (crd, before) => {
      const names = objectIn(at(crd.spec, "names"));
      names.singular ??= textIn(names.kind).toLowerCase();
      names.listKind ??= `${textIn(names.kind)}List`;
      if (before !== undefined) return;
      const lastTransitionTime = timeOf(Date.now());
      crd.status = {
        acceptedNames: structuredClone(names),
        storedVersions: objectsIn(at(crd.spec, "versions"))
          .filter(({ storage }) => storage === true)
          .map(({ name }) => textIn(name)),
        conditions: [
          {
            type: "NamesAccepted",
            status: "True",
            reason: "NoConflicts",
            message: "no conflicts found",
            lastTransitionTime,
          },
          {
            type: "Established",
            status: "True",
            reason: "InitialNamesAccepted",
            message: "the initial names have been accepted",
            lastTransitionTime,
          },
        ],
      };
    },
    faults: crdFaults,
    columns: [NAME, column("Created At", ({ metadata }) => metadata.creationTimestamp)],
  }),
  kind: "CustomResourceDefinition",
  singular: "customresourcedefinition",
};

function crdFaults({ metadata, spec }: KubeObject): FieldFault[] {
  const faults: FieldFault[] = [];
  const group = textIn(at(spec, "group"));
  const plural = textIn(at(spec, "names", "plural"));
  if (metadata.name !== `${plural}.${group}`) {
    faults.push(invalidValue("metadata.name", metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  if (/(^|\.)(k8s|kubernetes)\.io$/.test(group)) {
    const approval = metadata.annotations?.["api-approved.kubernetes.io"];
    if (approval === undefined) {
      faults.push(
        required(
          "metadata.annotations[api-approved.kubernetes.io]",
          'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
        ),
      );
    }
  }
  const versions = objectsIn(at(spec, "versions"));
  if (versions.filter(({ storage }) => storage === true).length !== 1) {
    faults.push(
      invalidValue("spec.versions", versions, "must have exactly one version marked as storage version"),
    );
  }
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    const schema = at(version, "schema", "openAPIV3Schema");
    if (schema === undefined) faults.push(required(path, "schemas are required"));
    else faults.push(...structuralFaults(objectIn(schema), path, true));
  }
  return faults;
}

/** Faults of a schema that is not structural. */
function structuralFaults(schema: JsonObject, path: string, isRoot = false): FieldFault[] {
  const faults: FieldFault[] = [];
  const isOpen =
    schema["x-kubernetes-int-or-string"] === true || schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema.type === undefined && !isOpen) {
    faults.push(required(`${path}.type`, "must not be empty for specified object fields"));
  }
  if (isRoot && schema.type !== "object")
    faults.push(invalidValue(`${path}.type`, schema.type, 'must be "object" at the root'));
  if (schema.properties !== undefined && schema.additionalProperties !== undefined) {
    faults.push(
      forbiddenField(
        `${path}.additionalProperties`,
        "additionalProperties and properties are mutual exclusive",
      ),
    );
  }
  for (const [key, each] of Object.entries(objectIn(schema.properties))) {
    if (isRoot && ["metadata", "apiVersion", "kind"].includes(key)) continue;
    faults.push(...structuralFaults(objectIn(each), `${path}.properties[${key}]`));
  }
  if (schema.items !== undefined) faults.push(...structuralFaults(objectIn(schema.items), `${path}.items`));
  if (isObject(schema.additionalProperties)) {
    faults.push(...structuralFaults(schema.additionalProperties, `${path}.additionalProperties`));
  }
  return faults;
}

/** Makes the registry's entry of what a CustomResourceDefinition defines. */
export function customType(crd: KubeObject): ResourceType {
  const group = textIn(at(crd.spec, "group"));
  const names = objectIn(at(crd.spec, "names"));
  const versions = objectsIn(at(crd.spec, "versions")).filter(({ served }) => served === true);
  const resource = textIn(names.plural);
  return {
    group,
    versions: versions
      .toSorted((a, b) => priorityOf(textIn(b.name)) - priorityOf(textIn(a.name)))
      .map(({ name, schema }) => ({
        version: textIn(name),
        schema: withMeta(objectIn(at(schema, "openAPIV3Schema")) as Schema),
        fromStored: (object) => ({ ...object, apiVersion: apiVersionOf({ group, version: textIn(name) }) }),
      })),
    resource,
    singular: textIn(names.singular),
    kind: textIn(names.kind),
    shortNames: textsIn(names.shortNames),
    categories: textsIn(names.categories),
    namespaced: at(crd.spec, "scope") === "Namespaced",
    storedAs: `${resource}.${group}`,
    custom: true,
    hasStatus: versions.some(({ subresources }) => at(subresources, "status") !== undefined),
    returnsDeleted: false,
    nameFault: dnsSubdomain,
    columns: [NAME, ...printed(objectsIn(versions[0]?.additionalPrinterColumns)), AGE],
  };
}

/** Every custom object has apiVersion, kind and the common metadata, whatever its schema says. */
function withMeta(schema: Schema): Schema {
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { $ref: "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" },
    },
  };
}

/** GA before beta before alpha, then by number. */
function priorityOf(version: string): number {
  const [, major = "0", stage, minor = "0"] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  const rank = stage === undefined ? 2 : stage === "beta" ? 1 : 0;
  return rank * 1e6 + Number(major) * 1e3 + Number(minor);
}

function printed(columns: readonly JsonObject[]): Column[] {
  return columns
    .filter(({ jsonPath }) => jsonPath !== ".metadata.creationTimestamp")
    .map(({ name, jsonPath, priority, type }) => ({
      name: textIn(name),
      type: textIn(type),
      priority: Number(priority ?? 0),
      value: (object) => {
        const found = at(
          object,
          ...textIn(jsonPath)
            .split(".")
            .filter((part) => part !== ""),
        );
        return found === undefined ? "" : typeof found === "object" ? JSON.stringify(found) : found;
      },
    }));
}

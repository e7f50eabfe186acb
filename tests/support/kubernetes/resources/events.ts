/** Events, stored once and served by two groups: the core group and events.k8s.io, with other names of fields. */
import { schemaNamed } from "../built-in-schemas.ts";
import { at, equal, type JsonObject, objectIn, textIn } from "../json.ts";
import { qualifiedName } from "../names.ts";
import type { KubeObject } from "../object.ts";
import type { ResourceType } from "../resource-type.ts";
import { type FieldFault, invalidValue, required } from "../status.ts";
import { AGE, builtIn, column } from "./built-in.ts";

const GROUP = "events.k8s.io";

/** Names of fields in the core group, and in the other. */
const RENAMED = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["reportingComponent", "reportingController"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
] as const;

const SHARED: Partial<ResourceType> = {
  storedAs: "events",
  shortNames: ["ev"],
  selectable: [
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
  ],
  columns: [
    column("Last Seen", ({ lastTimestamp, eventTime }) => textIn(lastTimestamp) || textIn(eventTime)),
    column("Type", ({ type }) => textIn(type)),
    column("Reason", ({ reason }) => textIn(reason)),
    column("Object", ({ involvedObject }) => {
      const { kind, name } = objectIn(involvedObject);
      return `${textIn(kind).toLowerCase()}/${textIn(name)}`;
    }),
    column("Message", ({ message }) => textIn(message).trim()),
    AGE,
  ],
};

export const EVENT_TYPES: readonly ResourceType[] = [
  builtIn("io.k8s.api.core.v1", {
    group: "",
    resource: "events",
    kind: "Event",
    ...SHARED,
    complete: (event) => {
      event.reportingComponent ??= "";
      event.reportingInstance ??= "";
    },
    faults: sharedFaults,
  }),
  builtIn("io.k8s.api.events.v1", {
    group: GROUP,
    resource: "events",
    kind: "Event",
    ...SHARED,
    versions: [
      {
        version: "v1",
        schema: schemaNamed("io.k8s.api.events.v1.Event"),
        fromStored: (object) => ({ ...renamed(object, 0, 1), apiVersion: `${GROUP}/v1` }) as KubeObject,
        toStored: (object) => ({ ...renamed(object, 1, 0), apiVersion: "v1" }),
      },
    ],
    faults: (event, before) => [
      ...sharedFaults(event),
      ...(before === undefined ? creationFaults(event) : updateFaults(event, before)),
    ],
  }),
];

function renamed(object: JsonObject, from: 0 | 1, to: 0 | 1): JsonObject {
  const names = new Map<string, string>(RENAMED.map((pair) => [pair[from], pair[to]]));
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value]));
}

/** An Event in the new manner has a time of its own. */
const isNew = (event: JsonObject) => event.eventTime !== undefined && event.eventTime !== null;

/** Faults of an Event in either group. */
function sharedFaults(event: KubeObject): FieldFault[] {
  const { metadata, involvedObject } = event;
  const { namespace = "" } = metadata;
  const of = textIn(at(involvedObject, "namespace"));
  const mismatch = invalidValue("involvedObject.namespace", of, "does not match event.namespace");
  if (!isNew(event)) {
    return (of === "" ? namespace === "default" : namespace === of) ? [] : [mismatch];
  }
  const faults: FieldFault[] = [];
  // The namespace of an Event in the new manner only has to be there: it may differ from the object's.
  if (of === "" && !["default", "kube-system"].includes(namespace)) faults.push(mismatch);
  const controller = textIn(event.reportingComponent);
  const why = qualifiedName(controller);
  if (controller === "") faults.push(required("reportingController"));
  if (why !== undefined) faults.push(invalidValue("reportingController", controller, why));
  for (const field of ["reportingInstance", "action", "reason"]) {
    const text = textIn(event[field]);
    if (text === "") faults.push(required(field));
    if (text.length > 128) faults.push(invalidValue(field, "", "can have at most 128 characters"));
  }
  if (Buffer.byteLength(textIn(event.message)) > 1024) {
    faults.push(invalidValue("message", "", "can have at most 1024 characters"));
  }
  return faults;
}

/** Faults of a creation through events.k8s.io. */
function creationFaults(event: KubeObject): FieldFault[] {
  const faults = seriesFaults(event);
  if (!isNew(event)) faults.push(required("eventTime"));
  const type = textIn(event.type);
  if (!["Normal", "Warning"].includes(type)) {
    faults.push(invalidValue("type", "", `has invalid value: ${type}`));
  }
  const unset = ["firstTimestamp", "lastTimestamp", "count"].filter((field) => (event[field] ?? 0) !== 0);
  if (Object.keys(objectIn(event.source)).length > 0) unset.push("source");
  return [...faults, ...unset.map((field) => invalidValue(field, "", "needs to be unset"))];
}

/** Fields of an Event that an update through events.k8s.io may not change, with their names in refusals. */
const FROZEN = [
  ...["involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "type"],
  ...["eventTime", "action", "related", "reportingComponent", "reportingInstance"],
];

function updateFaults(event: KubeObject, before: KubeObject): FieldFault[] {
  return [
    ...(equal(event.series, before.series) ? [] : seriesFaults(event)),
    ...FROZEN.filter((field) => !equal(event[field], before[field])).map((field) =>
      invalidValue(
        field === "reportingComponent" ? "reportingController" : field,
        event[field],
        "field is immutable",
      ),
    ),
  ];
}

function seriesFaults({ series }: KubeObject): FieldFault[] {
  if (series === undefined || series === null) return [];
  const { count, lastObservedTime } = objectIn(series);
  const faults: FieldFault[] = [];
  if (Number(count ?? 0) < 2) faults.push(invalidValue("series.count", "", "should be at least 2"));
  if (lastObservedTime === undefined || lastObservedTime === null) {
    faults.push(required("series.lastObservedTime"));
  }
  return faults;
}

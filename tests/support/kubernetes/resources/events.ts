/** Events, stored once and served by two groups: the core group and events.k8s.io, with other names of fields. */
import { schemaNamed } from "../built-in-schemas.ts";
import { at, type JsonObject, objectIn, textIn } from "../json.ts";
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
    faults: (event) => [...sharedFaults(event), ...(isNew(event) ? newFaults(event, "core") : [])],
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
      ...(before === undefined ? newFaults(event, "events") : []),
    ],
  }),
];

function renamed(object: JsonObject, from: 0 | 1, to: 0 | 1): JsonObject {
  const names = new Map<string, string>(RENAMED.map((pair) => [pair[from], pair[to]]));
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [names.get(key) ?? key, value]));
}

/** An Event in the new manner has a time of its own. */
const isNew = (event: JsonObject) => event.eventTime !== undefined && event.eventTime !== null;

function sharedFaults({ metadata, involvedObject }: KubeObject): FieldFault[] {
  const of = textIn(at(involvedObject, "namespace"));
  const matches = of === metadata.namespace || (of === "" && metadata.namespace === "default");
  return matches ? [] : [invalidValue("involvedObject.namespace", of, "does not match event.namespace")];
}

function newFaults(event: KubeObject, form: "core" | "events"): FieldFault[] {
  const faults: FieldFault[] = [];
  const wanted = [
    ["reportingController", event.reportingComponent],
    ["reportingInstance", event.reportingInstance],
    ["action", event.action],
    ["reason", event.reason],
  ] as const;
  if (!isNew(event)) faults.push(required("eventTime"));
  for (const [field, value] of wanted) if (textIn(value) === "") faults.push(required(field));
  const note = textIn(event.message);
  if (Buffer.byteLength(note) > 1024) {
    faults.push(invalidValue(form === "core" ? "message" : "note", "", "can have at most 1024 characters"));
  }
  for (const [field, value, limit] of [
    ["reason", event.reason, 128],
    ["action", event.action, 128],
    ["reportingIntance", event.reportingInstance, 128],
  ] as const) {
    if (textIn(value).length > limit) {
      faults.push(invalidValue(field, "", `can have at most ${limit} characters`));
    }
  }
  if (!["Normal", "Warning"].includes(textIn(event.type))) {
    faults.push(invalidValue("type", "", "has invalid value: "));
  }
  return faults;
}

/** The Kubernetes Event of something that happened, with a name by which equal ones are found again. */
import { createHash } from "node:crypto";
import { apiVersionOf, KINDS } from "../api/kinds.ts";
import type { ClusterEvent, ObjectReference } from "./cluster.ts";

/** Who reports, in each Event of a connector. */
export const REPORTING_CONTROLLER = "fairlead.dev/connector";
/** Longest note, bytes. */
const MAX_NOTE = 1024;
/** Characters of the object's name in that of its Event, which have 253 together. */
const MAX_NAME = 200;
/** The namespace of Events about objects in none. */
const DEFAULT_NAMESPACE = "default";

/** Who reports. */
export interface Reporter {
  readonly siteId: string;
  /** The pod's name. */
  readonly instance: string;
}

/** An Event as it is created. It has no `series`. */
export interface EventObject {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

/** What all Events of an object have in common. */
export const objectKey = ({ kind, namespace, name }: ObjectReference): string =>
  `${kind.kind}/${namespace}/${name}`;

/** @param time of the first one, as microTime has it */
export function eventObject(event: ClusterEvent, { siteId, instance }: Reporter, time: string): EventObject {
  const { about, type, reason, action } = event;
  const note = cut(event.note, MAX_NOTE);
  const text = JSON.stringify([siteId, objectKey(about), about.uid ?? "", type, reason, action, note]);
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 16);
  return {
    apiVersion: apiVersionOf(KINDS.events),
    kind: KINDS.events.kind,
    metadata: {
      name: `${about.name.slice(0, MAX_NAME)}.${hash}`,
      namespace: about.namespace === "" ? DEFAULT_NAMESPACE : about.namespace,
    },
    eventTime: time,
    reportingController: REPORTING_CONTROLLER,
    reportingInstance: instance.slice(0, 128),
    ...{ type, reason, action, note },
    regarding: {
      apiVersion: apiVersionOf(about.kind),
      kind: about.kind.kind,
      name: about.name,
      ...(about.namespace === "" ? {} : { namespace: about.namespace }),
      ...(about.uid === undefined ? {} : { uid: about.uid }),
      ...(about.resourceVersion === undefined ? {} : { resourceVersion: about.resourceVersion }),
    },
  };
}

/** The beginning of a text that has at most `bytes` bytes. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  let end = Math.min(text.length, bytes - 3);
  while (Buffer.byteLength(text.slice(0, end)) > bytes - 3) end--;
  return `${text.slice(0, end).replace(/[\uD800-\uDBFF]$/, "")}…`;
}

/**
 * Bodies in protobuf, of the few types that kubectl and helm write through typed clients: those send protobuf and take
 * JSON for an answer. A body of another type is refused with 415, as every body in protobuf is for a custom resource.
 */
import type { Json, JsonObject } from "./json.ts";
import { timeOf } from "./object.ts";

export const PROTOBUF = "application/vnd.kubernetes.protobuf";
const MAGIC = Buffer.from([0x6b, 0x38, 0x73, 0]);

type Kind = "text" | "bytes" | "integer" | "boolean" | "time" | "texts" | "text-map" | "bytes-map" | Message;
interface Message {
  readonly list?: boolean;
  readonly fields: Fields;
}
/** Names and kinds of fields, by their numbers. */
type Fields = Readonly<Record<number, readonly [name: string, kind: Kind]>>;

const OWNER: Fields = {
  1: ["kind", "text"],
  3: ["name", "text"],
  4: ["uid", "text"],
  5: ["apiVersion", "text"],
  6: ["controller", "boolean"],
  7: ["blockOwnerDeletion", "boolean"],
};

const METADATA: Fields = {
  1: ["name", "text"],
  2: ["generateName", "text"],
  3: ["namespace", "text"],
  5: ["uid", "text"],
  6: ["resourceVersion", "text"],
  7: ["generation", "integer"],
  8: ["creationTimestamp", "time"],
  11: ["labels", "text-map"],
  12: ["annotations", "text-map"],
  13: ["ownerReferences", { fields: OWNER, list: true }],
  14: ["finalizers", "texts"],
};

const META = ["metadata", { fields: METADATA }] as const;

const REVIEW_SPEC: Fields = {
  1: [
    "resourceAttributes",
    {
      fields: {
        1: ["namespace", "text"],
        2: ["verb", "text"],
        3: ["group", "text"],
        4: ["version", "text"],
        5: ["resource", "text"],
        6: ["subresource", "text"],
        7: ["name", "text"],
      },
    },
  ],
  2: ["nonResourceAttributes", { fields: { 1: ["path", "text"], 2: ["verb", "text"] } }],
};

const MESSAGES: Readonly<Record<string, Fields>> = {
  Secret: {
    1: META,
    2: ["data", "bytes-map"],
    3: ["type", "text"],
    4: ["stringData", "text-map"],
    5: ["immutable", "boolean"],
  },
  ConfigMap: {
    1: META,
    2: ["data", "text-map"],
    3: ["binaryData", "bytes-map"],
    4: ["immutable", "boolean"],
  },
  Namespace: { 1: META },
  ServiceAccount: { 1: META },
  SelfSubjectAccessReview: { 1: META, 2: ["spec", { fields: REVIEW_SPEC }] },
  SelfSubjectRulesReview: { 1: META, 2: ["spec", { fields: { 1: ["namespace", "text"] } }] },
  SelfSubjectReview: { 1: META },
  TokenRequest: {
    1: META,
    2: ["spec", { fields: { 1: ["audiences", "texts"], 4: ["expirationSeconds", "integer"] } }],
  },
  DeleteOptions: {
    1: ["gracePeriodSeconds", "integer"],
    2: ["preconditions", { fields: { 1: ["uid", "text"], 2: ["resourceVersion", "text"] } }],
    4: ["propagationPolicy", "text"],
    5: ["dryRun", "texts"],
  },
};

const ENVELOPE: Fields = {
  1: ["typeMeta", { fields: { 1: ["apiVersion", "text"], 2: ["kind", "text"] } }],
  2: ["raw", "bytes"],
};

/** Reads a body. Returns undefined for a type that is not known here. */
export function readProtobuf(body: Buffer): JsonObject | undefined {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const { typeMeta, raw } = readMessage(body.subarray(MAGIC.length), ENVELOPE);
  const { apiVersion, kind } = (typeMeta ?? {}) as JsonObject;
  const fields = MESSAGES[String(kind)];
  if (fields === undefined) return undefined;
  return { apiVersion, kind, ...readMessage(Buffer.from(String(raw ?? ""), "base64"), fields) };
}

/** Reads the fields of a message that are known. Empty texts are left out: Go writes them for absent ones. */
function readMessage(message: Buffer, fields: Fields): JsonObject {
  const result: JsonObject = {};
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = BigInt(message[at] ?? 0);
      at += 1;
      value |= (byte & 0x7fn) << shift;
      if (byte < 0x80n) return BigInt.asIntN(64, value);
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const [name, kind] = fields[tag >> 3] ?? [];
    if ((tag & 7) === 0) {
      const value = varint();
      if (name !== undefined) result[name] = kind === "boolean" ? value !== 0n : Number(value);
      continue;
    }
    const length = Number(varint());
    const part = message.subarray(at, at + length);
    at += length;
    if (name !== undefined && kind !== undefined) put(result, name, part, kind);
  }
  return result;
}

function put(result: JsonObject, name: string, part: Buffer, kind: Kind): void {
  const listed = (value: Json) => [...(Array.isArray(result[name]) ? result[name] : []), value];
  if (typeof kind === "object") {
    const value = readMessage(part, kind.fields);
    result[name] = kind.list === true ? listed(value) : value;
  } else if (kind === "text") {
    if (part.length > 0) result[name] = part.toString("utf8");
  } else if (kind === "bytes") result[name] = part.toString("base64");
  else if (kind === "texts") result[name] = listed(part.toString("utf8"));
  else if (kind === "time") {
    const { seconds } = readMessage(part, { 1: ["seconds", "integer"] });
    if (typeof seconds === "number" && seconds > 0) result[name] = timeOf(seconds * 1000);
  } else {
    const entry: Fields = { 1: ["key", "text"], 2: ["value", kind === "bytes-map" ? "bytes" : "text"] };
    const { key = "", value = "" } = readMessage(part, entry);
    result[name] = { ...((result[name] ?? {}) as JsonObject), [String(key)]: value };
  }
}

/** Media types: what a client accepts, and in which form it gets an answer. */
import { notAcceptable } from "./status.ts";

/** The form of an answer. */
export type Form = "json" | "yaml" | "table" | "partial" | "partial-list" | "discovery";

/** What the real server names; protobuf and CBOR are not spoken here, and a client that asks for them alone gets 406. */
const ACCEPTED = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

interface Clause {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

function clausesOf(accept: string): Clause[] {
  return accept
    .split(",")
    .map((clause) => {
      const [type = "", ...rest] = clause.split(";").map((part) => part.trim());
      const pairs = rest.map((part): [string, string] => {
        const equals = part.indexOf("=");
        return [part.slice(0, equals), part.slice(equals + 1)];
      });
      return { type: type.toLowerCase(), parameters: new Map(pairs) };
    })
    .filter(({ type }) => type !== "");
}

const WRAPPED: Readonly<Record<string, Form>> = {
  Table: "table",
  PartialObjectMetadata: "partial",
  PartialObjectMetadataList: "partial-list",
  APIGroupDiscoveryList: "discovery",
};

/**
 * Chooses the first form that the client accepts and the server has.
 * @throws StatusError 406
 */
export function chooseForm(accept: string | undefined, wrapped: readonly Form[] = []): Form {
  if (accept === undefined || accept === "") return "json";
  for (const { type, parameters } of clausesOf(accept)) {
    const isJson = type === "application/json" || type === "*/*" || type === "application/*";
    const as = parameters.get("as");
    if (as !== undefined) {
      const form = WRAPPED[as];
      const isCurrent = ["v1", "v2"].includes(parameters.get("v") ?? "");
      if (isJson && isCurrent && form !== undefined && wrapped.includes(form)) return form;
    } else if (isJson) return "json";
    else if (type === "application/yaml") return "yaml";
  }
  throw notAcceptable(ACCEPTED);
}

/** The media type of a body, without parameters. */
export const mediaTypeOf = (contentType: string | undefined) =>
  (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

/**
 * The value of `fairlead.dev/port`, and its forms:
 *
 *     8080                 the port 8080 of the object, with that number in the network
 *     80:8080              the port 8080 of the object, as port 80 in the network
 *     web                  the port with that name
 *     80:web,9090
 */
import { Port } from "../../../protocol/names.ts";
import { quoted, type Setting } from "./settings.ts";
import { Unexposable } from "./warning.ts";

export interface WantedPort {
  /** The number in the network; undefined for that of the object's port. */
  readonly servicePort: number | undefined;
  /** The object's port, by number or name. */
  readonly target: number | string;
}

/** The name of a port in Kubernetes: IANA_SVC_NAME. */
const NAME = /^[a-z0-9-]{1,15}$/;

/** @throws Unexposable */
export function parsePorts({ annotation, value }: Setting): readonly WantedPort[] {
  const invalid = (text: string) =>
    new Unexposable(
      "InvalidAnnotation",
      `The annotation ${annotation} has ${quoted(text)}, which is no port. Give a number from 1 to 65535, a name, or PORT:TARGET such as 80:8080; several with commas.`,
    );
  return value.split(",").map((entry) => {
    const text = entry.trim();
    const [left = "", right, ...rest] = text.split(":");
    if (rest.length > 0) throw invalid(text);
    const target = parseTarget(right ?? left);
    const servicePort = right === undefined ? undefined : parseNumber(left);
    if (target === null || servicePort === null) throw invalid(text);
    return { servicePort, target };
  });
}

function parseTarget(text: string): number | string | null {
  if (/^\d+$/.test(text)) return parseNumber(text);
  return NAME.test(text) ? text : null;
}

function parseNumber(text: string): number | null {
  const port = Port.safeParse(/^\d{1,5}$/.test(text) ? Number(text) : 0);
  return port.success ? port.data : null;
}

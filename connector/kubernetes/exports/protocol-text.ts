/**
 * The protocol of a port: by `fairlead.dev/protocol`, else by the port's `appProtocol`, else tcp. Names of ports decide
 * nothing, since a port that is parsed as HTTP by mistake is broken.
 *
 *     http                 for every port that is not UDP
 *     80=http,9090=grpc    by number in the network, or by name of the port
 */
import { ServiceProtocol } from "../../../protocol/names.ts";
import { quoted, type Setting } from "./settings.ts";
import { Unexposable } from "./warning.ts";

export interface PortProtocol {
  readonly protocol: ServiceProtocol;
  readonly grpc?: true;
}

/** The value of the annotation: for all ports, or by port. */
export interface WantedProtocols {
  readonly annotation: string;
  readonly all: PortProtocol | undefined;
  /** By number in the network or name, as written. */
  readonly byPort: ReadonlyMap<string, PortProtocol>;
}

/** Protocols by `appProtocol`, of which those with TLS are left out: their bytes are carried as they are. */
const BY_APP_PROTOCOL: Readonly<Record<string, PortProtocol>> = {
  http: { protocol: "http" },
  "kubernetes.io/ws": { protocol: "http" },
  http2: { protocol: "http2" },
  h2c: { protocol: "http2" },
  "kubernetes.io/h2c": { protocol: "http2" },
  grpc: { protocol: "http2", grpc: true },
};

/** The protocol of a TCP port that no annotation is about. */
export const byAppProtocol = (appProtocol: string | undefined): PortProtocol =>
  BY_APP_PROTOCOL[appProtocol?.toLowerCase() ?? ""] ?? { protocol: "tcp" };

/** @throws Unexposable */
export function parseProtocols({ annotation, value }: Setting): WantedProtocols {
  const invalid = (why: string) =>
    new Unexposable("InvalidAnnotation", `The annotation ${annotation} has ${why}.`);
  const byPort = new Map<string, PortProtocol>();
  let all: PortProtocol | undefined;
  for (const entry of value.split(",")) {
    const [left = "", right, ...rest] = entry.split("=").map((part) => part.trim());
    const protocol = parseProtocol(right ?? left);
    if (protocol === null || rest.length > 0) {
      throw invalid(
        `"${entry.trim()}". A protocol is tcp, http, http2, grpc or udp, and 80=http is for port 80`,
      );
    }
    if (right === undefined) {
      if (all !== undefined)
        throw invalid("two protocols for all ports. Say which port each is for, as in 80=http");
      all = protocol;
    } else {
      if (byPort.has(left)) throw invalid(`two protocols for port ${quoted(left)}. Give one`);
      byPort.set(left, protocol);
    }
  }
  return { annotation, all, byPort };
}

function parseProtocol(text: string): PortProtocol | null {
  if (text === "grpc") return { protocol: "http2", grpc: true };
  const protocol = ServiceProtocol.safeParse(text);
  return protocol.success ? { protocol: protocol.data } : null;
}

/** Which ports of an object are exposed, with which numbers and protocols. */
import { MAX_PORTS } from "../../../protocol/uplink/messages.ts";
import type { WantedPort } from "./port-text.ts";
import { byAppProtocol, type PortProtocol, type WantedProtocols } from "./protocol-text.ts";
import type { ExportRequest } from "./request.ts";
import { quoted } from "./settings.ts";
import { ANY_PROTOCOL, listPorts, type Source, type SourcePort, shortTitleOf } from "./source.ts";
import { Unexposable, type Warning } from "./warning.ts";

/** A port that is exposed. */
export interface ChosenPort extends PortProtocol {
  /** The number in the network. */
  readonly servicePort: number;
  readonly source: SourcePort;
}

interface Numbered {
  readonly servicePort: number;
  readonly source: SourcePort;
}

/** @throws Unexposable */
export function choosePorts(
  source: Source,
  { ports, protocols }: Pick<ExportRequest, "ports" | "protocols">,
): { readonly ports: readonly ChosenPort[]; readonly warnings: readonly Warning[] } {
  const warnings: Warning[] = [];
  const numbered = ports === undefined ? allPorts(source, warnings) : wantedPorts(source, ports, warnings);
  if (numbered.length > MAX_PORTS) {
    throw new Unexposable(
      "InvalidPort",
      `A service has at most ${MAX_PORTS} ports in the network. Choose some with the annotation fairlead.dev/port.`,
    );
  }
  checkProtocols(numbered, protocols);
  return { ports: numbered.map((each) => ({ ...each, ...protocolOf(each, protocols) })), warnings };
}

/** Every port of the object that can be carried. */
function allPorts({ ports, about }: Source, warnings: Warning[]): readonly Numbered[] {
  if (ports.length === 0) {
    throw new Unexposable(
      "InvalidPort",
      `The ${shortTitleOf(about)} declares no ports. Declare them, or name them with the annotation fairlead.dev/port if it is a workload.`,
    );
  }
  const chosen = new Map<number, SourcePort>();
  for (const port of ports) {
    if (port.protocol === "SCTP") {
      warnings.push({ reason: "UnsupportedProtocol", note: sctp(port) });
      continue;
    }
    const before = chosen.get(port.port);
    if (before === undefined) chosen.set(port.port, port);
    else {
      const note = `Port ${port.port} is exposed for ${before.protocol} alone, since a number has one protocol in the network. Expose the other one as another number with the annotation fairlead.dev/port, such as 10053:${port.name ?? port.port}.`;
      warnings.push({ reason: "InvalidPort", note });
    }
  }
  const [refused] = ports;
  if (chosen.size === 0 && refused !== undefined) throw new Unexposable("UnsupportedProtocol", sctp(refused));
  return [...chosen].map(([servicePort, source]) => ({ servicePort, source }));
}

function wantedPorts(
  source: Source,
  wanted: readonly WantedPort[],
  warnings: Warning[],
): readonly Numbered[] {
  const chosen = new Map<number, SourcePort>();
  for (const { servicePort, target } of wanted) {
    const port = findPort(source, target, warnings);
    if (port.protocol === "SCTP") throw new Unexposable("UnsupportedProtocol", sctp(port));
    const number = servicePort ?? (typeof target === "number" ? target : port.port);
    if (chosen.has(number)) {
      throw new Unexposable(
        "InvalidPort",
        `Port ${number} is named twice. Name each port once in the annotation fairlead.dev/port.`,
      );
    }
    chosen.set(number, port);
  }
  return [...chosen].map(([servicePort, source]) => ({ servicePort, source }));
}

/** The port of a name, or of a number: the object's own, else that of its pods. */
function findPort({ ports, hasOtherPorts, about }: Source, target: number | string, warnings: Warning[]) {
  const found =
    ports.find(({ name }) => name === target) ??
    ports.find(({ port }) => port === target) ??
    ports.find(({ targetPort }) => targetPort === target);
  if (found !== undefined) return found;
  const declared = ports.length === 0 ? "It has none." : `It has ${listPorts(ports)}.`;
  if (!hasOtherPorts || typeof target === "string") {
    throw new Unexposable(
      "InvalidPort",
      `The ${shortTitleOf(about)} has no port ${target}. ${declared} The annotation fairlead.dev/port gives a port another number in the network as PORT:TARGET.`,
    );
  }
  if (ports.length > 0) {
    const note = `Port ${target} is exposed, and no container of the ${shortTitleOf(about)} declares it. Declare it, or correct the annotation fairlead.dev/port.`;
    warnings.push({ reason: "InvalidPort", note });
  }
  return {
    name: undefined,
    port: target,
    targetPort: target,
    protocol: ANY_PROTOCOL,
    appProtocol: undefined,
  };
}

const sctp = ({ port }: SourcePort): string =>
  `Port ${port} is an SCTP port, which the network does not carry. TCP and UDP ports can be exposed.`;

/** The protocol of a port. @throws Unexposable when it is not one of the port's transport. */
function protocolOf({ servicePort, source }: Numbered, protocols: WantedProtocols | undefined): PortProtocol {
  const own = protocols?.byPort.get(String(servicePort)) ?? protocols?.byPort.get(source.name ?? "");
  if (source.protocol === "UDP") {
    if (own === undefined || own.protocol === "udp") return { protocol: "udp" };
    throw mismatch(servicePort, "UDP", `Its protocol is udp, not ${own.protocol}.`);
  }
  const wanted = own ?? protocols?.all ?? byAppProtocol(source.appProtocol);
  if (wanted.protocol === "udp" && source.protocol !== ANY_PROTOCOL) {
    throw mismatch(servicePort, "TCP", "Its protocol is tcp, http, http2 or grpc.");
  }
  return wanted;
}

const mismatch = (port: number, transport: string, why: string): Unexposable =>
  new Unexposable("InvalidAnnotation", `Port ${port} is a ${transport} port. ${why}`);

/** @throws Unexposable when a protocol is for a port that is not exposed */
function checkProtocols(ports: readonly Numbered[], protocols: WantedProtocols | undefined): void {
  if (protocols === undefined) return;
  const { annotation, byPort } = protocols;
  const known = new Set(ports.flatMap(({ servicePort, source: { name } }) => [String(servicePort), name]));
  for (const key of byPort.keys()) {
    if (known.has(key)) continue;
    const list = ports.map(({ servicePort }) => servicePort).join(", ");
    throw new Unexposable(
      "InvalidAnnotation",
      `The annotation ${annotation} is about port ${quoted(key)}, which is not exposed. The exposed ports are ${list}.`,
    );
  }
}

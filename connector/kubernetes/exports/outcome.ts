/** What one object comes to: the services that it asks for, and what its owner is told. */
import { ServiceName } from "../../../protocol/names.ts";
import type { ManagedExposure } from "../../targets/managed-exposures.ts";
import { MANAGED_BY_LABEL, MANAGER } from "../cluster/names.ts";
import { annotationOf, readSettings } from "./annotations.ts";
import { type ChosenPort, choosePorts } from "./choose-ports.ts";
import { type ExportRequest, parseRequest } from "./request.ts";
import { type Backend, type Source, titleOf } from "./source.ts";
import { Unexposable, type Warning } from "./warning.ts";

export interface Outcome {
  /** The service; null when the object asks for none, or cannot have it. */
  readonly service: ManagedExposure | null;
  /** A service for each ready pod, where the object is headless. */
  readonly pods: readonly ManagedExposure[];
  readonly warnings: readonly Warning[];
}

/** The most pods of a headless service that get a service of their own: a site offers at most 1000. */
export const MAX_PODS = 100;

/** @param source makes the source, only for an object that asks for something */
export function outcomeOf(
  meta: Pick<Source["meta"], "name" | "labels" | "annotations">,
  options: { readonly skupper: boolean },
  source: () => Source,
): Outcome {
  const warnings: Warning[] = [];
  try {
    const read = readSettings(meta, options);
    warnings.push(...read.warnings);
    const [forgotten] = Object.values(read.settings);
    if (read.settings.expose === undefined && forgotten !== undefined) warnings.push(notAsked(forgotten));
    const request = parseRequest(meta.name, read.settings);
    if (request === null) return { service: null, pods: [], warnings };
    if (meta.labels[MANAGED_BY_LABEL] === MANAGER) throw ownService();
    return exposed(source(), request, warnings);
  } catch (error) {
    if (!(error instanceof Unexposable)) throw error;
    return { service: null, pods: [], warnings: [...warnings, error.warning] };
  }
}

const notAsked = ({ annotation }: { readonly annotation: string }): Warning => ({
  reason: "InvalidAnnotation",
  note: `The annotation ${annotation} has no effect without ${annotationOf("expose")}. Set that to "true".`,
});

const ownService = (): Unexposable =>
  new Unexposable(
    "UnsupportedService",
    "A connector made this Service for a service of the network. Exposing it again would lead back to itself: annotate the Service in the cluster that it comes from.",
  );

function exposed(source: Source, request: ExportRequest, before: readonly Warning[]): Outcome {
  const { ports, warnings } = choosePorts(source, request);
  const backends = ports.map((port) => ({ port, backends: source.backends(port.source) }));
  const { name, headless = source.isHeadless } = request;
  const origin = titleOf(source.about);
  const service = serviceOf(name, origin, request, backends);
  const pods = headless ? podsOf(origin, request, backends) : { services: [], warnings: [] };
  return {
    // Other clusters have to know that it is headless also while no pod is ready.
    service: headless ? { ...service, headless: { of: name, host: name } } : service,
    pods: pods.services,
    warnings: [...before, ...warnings, ...missingPorts(source, backends), ...pods.warnings],
  };
}

interface PortBackends {
  readonly port: ChosenPort;
  readonly backends: readonly Backend[];
}

/** @param source as the status shows it */
function serviceOf(
  name: string,
  source: string,
  { to, balance, health }: ExportRequest,
  ports: readonly PortBackends[],
): ManagedExposure {
  return {
    name,
    source,
    ports: ports.map(({ port: { servicePort, protocol, grpc }, backends }) => ({
      servicePort,
      protocol,
      ...(grpc === undefined ? {} : { grpc }),
      targets: backends.map(({ host, port }) => ({ host, port })),
    })),
    ...(to === undefined ? {} : { to }),
    ...(health === undefined ? {} : { health: [`${name}=${health}`] }),
    ...(balance === undefined ? {} : { balance }),
  };
}

/** A service for each pod, with the pod's name. */
function podsOf(source: string, request: ExportRequest, ports: readonly PortBackends[]) {
  const hostnames = new Map<string, string>();
  for (const { backends } of ports) {
    for (const { pod, hostname } of backends) if (pod !== undefined) hostnames.set(pod, hostname ?? pod);
  }
  const warnings: Warning[] = [];
  const named = [...hostnames].filter(([pod]) => ServiceName.safeParse(pod).success).sort();
  if (named.length < hostnames.size) {
    const note =
      "Some pods have no name in the network: the name of a pod must have 1 to 63 of a-z, 0-9 and '-'. They are reached by the name of the service.";
    warnings.push({ reason: "InvalidName", note });
  }
  if (named.length > MAX_PODS) {
    const note = `Only the first ${MAX_PODS} pods have names of their own in the network. Set ${annotationOf("headless")} to "false" if nobody needs them.`;
    warnings.push({ reason: "TooManyPods", note });
  }
  const services = named.slice(0, MAX_PODS).map(([pod, host]): ManagedExposure => {
    const own = ports.map(({ port, backends }) => ({
      port,
      backends: backends.filter((each) => each.pod === pod),
    }));
    return { ...serviceOf(pod, source, request, own), headless: { of: request.name, host } };
  });
  return { services, warnings };
}

/** Ports by name that no ready pod has. */
function missingPorts({ isReady }: Source, ports: readonly PortBackends[]): readonly Warning[] {
  if (!isReady) return [];
  return ports.flatMap(({ port: { source }, backends }): Warning[] => {
    if (backends.length > 0 || typeof source.targetPort === "number") return [];
    const note = `No ready pod has a container port with the name ${source.targetPort}, the target of port ${source.port}. Name it in the pods, or change the target.`;
    return [{ reason: "InvalidPort", note }];
  });
}

/** What is exposed, a Service or a workload, in one form. */
import type { Meta, ObjectReference } from "../cluster/cluster.ts";

/** The protocol of a port that no container declares. */
export const ANY_PROTOCOL = "any";

export interface SourcePort {
  readonly name: string | undefined;
  readonly port: number;
  /** The port of the pods: a number, or a name that each pod resolves. */
  readonly targetPort: number | string;
  /** TCP, UDP, SCTP or {@link ANY_PROTOCOL}. */
  readonly protocol: string;
  readonly appProtocol: string | undefined;
}

/** An address and port of a pod, or of an endpoint without a pod. */
export interface Backend {
  readonly host: string;
  readonly port: number;
  /** The pod's name. */
  readonly pod: string | undefined;
  /** The pod's hostname. */
  readonly hostname: string | undefined;
}

export interface Source {
  readonly about: ObjectReference;
  readonly meta: Meta;
  readonly ports: readonly SourcePort[];
  /** Whether a port that is not declared may be asked for by its number: a container's ports need no declaration. */
  readonly hasOtherPorts: boolean;
  /** Whether each pod has a name of its own, unless the object says otherwise. */
  readonly isHeadless: boolean;
  /** Whether any pod takes connections. */
  readonly isReady: boolean;
  /** The ready backends of a port, in a stable order. */
  backends(port: SourcePort): readonly Backend[];
}

/** How a Warning on another object names this one. */
export const titleOf = ({ kind, namespace, name }: ObjectReference): string =>
  `${kind.kind} ${namespace}/${name}`;

/** As {@link titleOf}, for Warnings on the object itself. */
export const shortTitleOf = ({ kind, name }: ObjectReference): string => `${kind.kind} ${name}`;

/** Names of ports, for a Warning: `80 (web), 443`. */
export function listPorts(ports: readonly SourcePort[]): string {
  return ports.map(({ name, port }) => (name === undefined ? String(port) : `${port} (${name})`)).join(", ");
}

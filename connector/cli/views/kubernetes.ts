/** The Kubernetes cluster of a connector, for people. */
import type { KubernetesLine } from "../../control/schema.ts";
import { relativeTime } from "../framework/duration.ts";
import type { Printer } from "../framework/printer.ts";

type Detail = readonly [label: string, text: string | undefined];

/** The details of a status about the cluster; none outside of Kubernetes. */
export function kubernetesDetails(out: Printer, line: KubernetesLine | undefined, now: number): Detail[] {
  if (line === undefined) return [];
  const { server, namespace, watched, imports, api, leads, missingRights } = line;
  const since = api.since === undefined ? "" : `, since ${relativeTime(api.since, now)}`;
  return [
    ["cluster", `${server}, namespace ${namespace}`],
    ["API server", `${out.state(api.state)}${since}`],
    ["why", api.message],
    ["exports from", watched === null ? "all namespaces" : watched.join(", ")],
    ["Services in", imports.length === 0 ? "no namespace" : imports.join(", ")],
    ["writes", leads ? "this connector" : "another connector of the site, or none"],
    ["missing rights", missingRights.length === 0 ? undefined : missingRights.map(rightText).join("; ")],
    ["do", missingRights.length === 0 ? undefined : "Give the connector's ServiceAccount these rights."],
  ];
}

const rightText = ({ verb, resource, namespace }: KubernetesLine["missingRights"][number]): string =>
  `${verb} ${resource} in ${namespace === null ? "all namespaces" : namespace}`;

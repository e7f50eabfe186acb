/** The cluster of a connector, as status and metrics show it. */
import type { KubernetesLine } from "../control/schema.ts";
import type { KubernetesController } from "../kubernetes/kubernetes-controller.ts";

export function kubernetesLine({ cluster }: KubernetesController): KubernetesLine {
  const { namespace, watched, imports, state } = cluster;
  const { server, api, isLeader, refused, watchFailures, writeFailures } = state;
  return {
    ...{ server, namespace, watchFailures, writeFailures },
    watched: watched === null ? null : [...watched],
    imports: [...imports],
    api: {
      state: api.isUp === null ? "unknown" : api.isUp ? "up" : "down",
      ...(api.since === null ? {} : { since: new Date(api.since).toISOString() }),
      ...(api.problem === null ? {} : { message: api.problem }),
    },
    leads: isLeader,
    missingRights: [...refused],
  };
}

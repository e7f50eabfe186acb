/** The cluster of a connector as its controllers have it, opened by a test without a connector. */
import { randomUUID } from "node:crypto";
import { locateApi } from "../../../connector/kubernetes/api/location.ts";
import { type ClusterOptions, OpenCluster } from "../../../connector/kubernetes/cluster/open-cluster.ts";
import { silent } from "../../../connector/log.ts";

export interface OpenTestClusterOptions extends Partial<ClusterOptions> {
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Name of the connector's pod. */
  readonly podName?: string;
}

/** The site of every cluster that is opened here. */
export const SITE_ID = "site_test";

/** Times with which a connector takes a free Lease at once, and keeps it on a machine that stands still for a while. */
const STEADY = { leaseSeconds: 120, renewDeadline: 90_000, retryPeriod: 150 };

/** Opens a cluster. It does nothing before its start. */
export async function openTestCluster({
  kubeconfig,
  podName = "connector-0",
  namespace,
  ...options
}: OpenTestClusterOptions): Promise<OpenCluster> {
  const now = () => performance.now();
  return new OpenCluster({
    location: await locateApi({ kubeconfig, environment: {}, now }),
    namespace,
    ...{ watched: [namespace], imports: [namespace], name: "fairlead" },
    ...{ siteId: SITE_ID, siteName: () => "test", boot: randomUUID(), recordsEvents: true, log: silent },
    pod: { name: podName, address: null, inCluster: false },
    // Waits of the shortest kind, so that a test takes no time for them.
    random: () => 0.01,
    electionTimes: STEADY,
    ...options,
  });
}

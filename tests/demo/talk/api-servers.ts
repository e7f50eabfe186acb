/**
 * The Kubernetes API servers of the talk's clusters, one for each: those of the tests, in this process. No kubelet runs,
 * so that the shop's programs stay processes; what a connector writes into a cluster is real.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import * as z from "zod";
import { ApiServer } from "../../support/kubernetes/api-server.ts";
import { KubeClient } from "../../support/kubernetes/kube-client.ts";
import { HAS_PROGRAMS, kubernetesPrograms } from "../../support/kubernetes/programs.ts";
import type { Cluster } from "../../support/process/cluster.ts";
import type { Setting } from "../performance.ts";
import { SITES, type SiteName } from "./deployments.ts";

const run = promisify(execFile);

/** The Events that a server lists. */
const Events = z.object({
  items: z.array(z.object({ reason: z.string(), note: z.string(), type: z.string() })),
});

/** An Event as the talk shows it. */
export interface ShownEvent {
  readonly reason: string;
  readonly note: string;
  readonly type: string;
}

export class ApiServers {
  readonly #cluster: Cluster;
  readonly #servers: ReadonlyMap<SiteName, ApiServer>;

  private constructor(cluster: Cluster, servers: ReadonlyMap<SiteName, ApiServer>) {
    this.#cluster = cluster;
    this.#servers = servers;
  }

  /** Starts a server for each cluster, with a namespace of the site's name and a kubeconfig. */
  static async start({ cluster, atEnd }: Setting): Promise<ApiServers> {
    const started = SITES.map(async (site): Promise<[SiteName, ApiServer]> => {
      const server = await ApiServer.start();
      atEnd(() => server.close());
      await writeFile(kubeconfigOf(cluster, site), server.kubeconfig(), { mode: 0o600 });
      const admin = adminOf(server);
      const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: site } };
      const { status, text } = await admin.create("/api/v1/namespaces", namespace);
      admin.close();
      if (status !== 201) throw new Error(`The namespace ${site} was not made: ${text}`);
      return [site, server];
    });
    return new ApiServers(cluster, new Map(await Promise.all(started)));
  }

  /** The options of a cluster's connector. */
  options(site: SiteName): readonly string[] {
    return ["--kubeconfig", kubeconfigOf(this.#cluster, site), "--kubernetes-namespace", site];
  }

  /** The Events in a cluster. */
  async events(site: SiteName): Promise<readonly ShownEvent[]> {
    const server = this.#servers.get(site);
    if (server === undefined) throw new Error(`${site} has no API server.`);
    const admin = adminOf(server);
    const { body } = await admin.get(`/apis/events.k8s.io/v1/namespaces/${site}/events`);
    admin.close();
    return Events.parse(body).items;
  }

  /** Runs kubectl in a cluster; null on a platform that the package with kubectl has nothing for. */
  async kubectl(site: SiteName, args: readonly string[]): Promise<string | null> {
    if (!HAS_PROGRAMS) return null;
    const { kubectl } = await kubernetesPrograms();
    const env = this.#cluster.environment({ KUBECONFIG: kubeconfigOf(this.#cluster, site) });
    return (await run(kubectl, args, { env })).stdout;
  }
}

const kubeconfigOf = (cluster: Cluster, site: SiteName): string => cluster.path(`${site}.kubeconfig`);

const adminOf = ({ url, ca, adminToken }: ApiServer): KubeClient =>
  new KubeClient({ url, ca, token: adminToken });

/**
 * A process that takes part in an election, for tests that stop and kill it. It prints `leads` and `rests`, and with
 * `leads` tries to write once in each turn. Arguments: kubeconfig, namespace, name of the pod, times as JSON.
 */
import { setTimeout as pause } from "node:timers/promises";
import { KINDS } from "../../../connector/kubernetes/api/kinds.ts";
import { openTestCluster } from "./open-test-cluster.ts";

const [kubeconfig = "", namespace = "", podName = "", times = ""] = process.argv.slice(2);

const cluster = await openTestCluster({ kubeconfig, namespace, podName, electionTimes: JSON.parse(times) });
cluster.leadership.onChange(() =>
  process.stdout.write(`${cluster.leadership.isLeader ? "leads" : "rests"}\n`),
);
cluster.start();
for (let turn = 0; ; turn++) {
  // Each write that the guard lets through says who made it, and after which term.
  const metadata = { name: `${podName}-${turn}`, labels: { writer: podName } };
  await cluster.writer.create(KINDS.configMaps, namespace, { metadata }).catch(() => undefined);
  await pause(50);
}

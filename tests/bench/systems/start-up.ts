/** How long the command and a connector take to start, and the memory of an edge and a connector without traffic. */
import { setTimeout as sleep } from "node:timers/promises";
import { connectorArgs, untilUplink } from "../../support/connector/connector.ts";
import type { Cluster, Edge } from "../../support/process/cluster.ts";
import type { ManagedProcess } from "../../support/process/managed-process.ts";
import { cpuOfAll, descent, processTree, reapedSeconds, residentBytes } from "../processes.ts";
import { median } from "../statistics.ts";

/** Starts of a connector and of a command, whose medians count. One more of each before them fills caches. */
const CONNECTOR_STARTS = 3;
const COMMANDS = 5;

/** Time until what a start needed is released, ms. */
const SETTLE_MS = 5000;

/** Times in seconds, memory in bytes. */
export type StartUp = Readonly<
  Record<"status" | "statusCpu" | "uplink" | "uplinkCpu" | "connector" | "front" | "workerd", number>
>;

/** Measures an edge and a connector of their own, without the probes of the other measures. */
export async function measureStartUp(cluster: Cluster): Promise<StartUp> {
  const edge = await cluster.edge();
  try {
    const network = await cluster.network(edge);
    // Nothing listens at the target: the connector checks it, and offers a service that is down.
    const options = { site: "start-up", token: await network.token(), expose: ["web=127.0.0.1:1"] };
    const stateDir = cluster.fresh("start-up");
    const run = () => cluster.run("start-up", connectorArgs(options, stateDir));
    // The first start joins.
    let connector = await started(run);
    const uplinks: Spent[] = [];
    for (let at = 0; at < CONNECTOR_STARTS; at++) {
      await connector.process.stop();
      connector = await started(run);
      uplinks.push(connector.spent);
    }
    await sleep(SETTLE_MS);
    const memory = await residentMemory(edge, connector.process);
    const statuses: Spent[] = [];
    for (let at = 0; at <= COMMANDS; at++) statuses.push(await runStatus(cluster, stateDir));
    await connector.process.stop();
    const [uplink, status] = [medians(uplinks), medians(statuses.slice(1))];
    return {
      ...{ status: status.seconds, statusCpu: status.cpu },
      ...{ uplink: uplink.seconds, uplinkCpu: uplink.cpu },
      ...memory,
    };
  } finally {
    await edge.stop();
  }
}

interface Spent {
  readonly seconds: number;
  readonly cpu: number;
}

const medians = (all: readonly Spent[]): Spent => ({
  seconds: median(all.map(({ seconds }) => seconds)),
  cpu: median(all.map(({ cpu }) => cpu)),
});

/** Starts a connector. Returns what it spent until its uplink was up. */
async function started(run: () => ManagedProcess): Promise<{ process: ManagedProcess; spent: Spent }> {
  const began = performance.now();
  const process = run();
  await untilUplink(process);
  const seconds = (performance.now() - began) / 1000;
  return { process, spent: { seconds, cpu: await cpuOfAll([{ name: "connector", pid: process.pid }]) } };
}

/** Runs `fairlead status` on a site. No other child of this process may end meanwhile. */
async function runStatus(cluster: Cluster, stateDir: string): Promise<Spent> {
  const before = await reapedSeconds();
  const began = performance.now();
  const { status, stderr } = await cluster.fairlead(["status", "--state", stateDir]);
  const seconds = (performance.now() - began) / 1000;
  if (status !== 0) throw new Error(`fairlead status: ${stderr}`);
  return { seconds, cpu: (await reapedSeconds()) - before };
}

async function residentMemory(edge: Edge, connector: ManagedProcess) {
  const { stats, children } = await processTree();
  const pids = [...descent(edge.process.pid, children)];
  const workerd = pids.filter((pid) => stats.get(pid)?.name === "workerd");
  const bytes = await Promise.all(workerd.map(residentBytes));
  return {
    connector: await residentBytes(connector.pid),
    front: await residentBytes(edge.process.pid),
    workerd: bytes.reduce((sum, each) => sum + each, 0),
  };
}

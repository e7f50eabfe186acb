/** The set-up of system tests: an edge for each file, and its logs when a test fails. */
import { afterAll, afterEach, beforeAll } from "vitest";
import { Cluster, type Edge, type EdgeOptions } from "../process/cluster.ts";
import { closeServers } from "../traffic/servers.ts";

export interface Suite {
  readonly cluster: Cluster;
  readonly edge: Edge;
}

/** Starts an edge before the tests of the file, and stops every process after them. */
export function useEdge(options: EdgeOptions = {}): Suite {
  let cluster: Cluster | undefined;
  let edge: Edge | undefined;
  beforeAll(async () => {
    cluster = await Cluster.create();
    edge = await cluster.edge(options);
  });
  afterEach(({ task }) => {
    if (task.result?.state === "fail" && cluster) console.error(`${task.name}\n${cluster.logs()}`);
  });
  afterAll(async () => {
    await closeServers();
    await cluster?.close();
  });
  return {
    get cluster() {
      return started(cluster);
    },
    get edge() {
      return started(edge);
    },
  };
}

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("The suite has not started yet.");
  return value;
}

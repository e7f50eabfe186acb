import { describe, expect, it } from "vitest";
import type { ClusterState } from "../../../../connector/kubernetes/cluster/open-cluster.ts";
import type { Controller } from "../../../../connector/kubernetes/controller.ts";
import { KubernetesController } from "../../../../connector/kubernetes/kubernetes-controller.ts";
import { type Log, silent } from "../../../../connector/log.ts";
import { kubernetesLine } from "../../../../connector/runtime/kubernetes-line.ts";

const STATE: ClusterState = {
  server: "https://10.96.0.1:443",
  api: { isUp: true, since: Date.parse("2026-11-26T20:00:00Z"), problem: null },
  isLeader: true,
  refused: [{ verb: "list", resource: "services", namespace: "shop" }],
  watchFailures: 1,
  writeFailures: 2,
};

/** A controller with a cluster that writes down what is done with it. */
function stand(controllers: readonly Controller[]) {
  const done: string[] = [];
  const log: Log = { ...silent, error: (_, message) => done.push(message) };
  const cluster: KubernetesController["cluster"] = {
    ...{ log, namespace: "shop", watched: null, imports: [], state: STATE },
    start: () => void done.push("cluster starts"),
    release: async () => void done.push("cluster releases"),
    close: async () => void done.push("cluster closes"),
  };
  return { done, controller: new KubernetesController(cluster, controllers, () => null) };
}

describe("The part of a connector in a cluster", () => {
  it("has clients go elsewhere before another connector may write", async () => {
    const left = Promise.withResolvers<void>();
    const { done, controller } = stand([
      { start: () => undefined, drain: () => left.promise, close: () => undefined },
    ]);
    const leaving = controller.leave(60_000);
    await Promise.resolve();
    expect(done).toEqual([]);
    left.resolve();
    await leaving;
    expect(done).toEqual(["cluster releases"]);
  });

  it("does not wait for a controller beyond the time to drain", async () => {
    const never = new Promise<void>(() => undefined);
    const { done, controller } = stand([
      { start: () => undefined, drain: () => never, close: () => undefined },
    ]);
    await controller.leave(1);
    expect(done).toEqual(["cluster releases"]);
  });

  it("goes on without a controller that fails, and says so", async () => {
    const fails = async () => {
      throw new Error("It broke.");
    };
    const others: string[] = [];
    const other: Controller = {
      start: () => void others.push("starts"),
      drain: () => void others.push("drains"),
      close: () => void others.push("closes"),
    };
    const { done, controller } = stand([{ start: fails, drain: fails, close: fails }, other]);
    controller.start();
    await controller.leave(60_000);
    await controller.close();
    expect(others).toEqual(["starts", "drains", "closes"]);
    expect(done).toEqual([
      "cluster starts",
      "A controller of the cluster could not begin. It broke.",
      "A controller of the cluster could not leave. It broke.",
      "cluster releases",
      "A controller of the cluster could not be closed. It broke.",
      "cluster closes",
    ]);
  });
});

describe("The cluster in the status", () => {
  it("has where it is, whether it answers, and what is missing", () => {
    const { controller } = stand([]);
    expect(kubernetesLine(controller)).toEqual({
      ...{ server: "https://10.96.0.1:443", namespace: "shop", watched: null, imports: [], leads: true },
      api: { state: "up", since: "2026-11-26T20:00:00.000Z" },
      missingRights: [{ verb: "list", resource: "services", namespace: "shop" }],
      ...{ watchFailures: 1, writeFailures: 2 },
    });
  });
});

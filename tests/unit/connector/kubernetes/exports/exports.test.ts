import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KINDS } from "../../../../../connector/kubernetes/api/kinds.ts";
import type {
  ClusterEvent,
  EndpointSliceObject,
  PodObject,
  ServiceObject,
  WorkloadObject,
} from "../../../../../connector/kubernetes/cluster/cluster.ts";
import type { Claim } from "../../../../../connector/kubernetes/exports/claim.ts";
import { Exports } from "../../../../../connector/kubernetes/exports/exports.ts";
import type { Refusal } from "../../../../../connector/kubernetes/exports/reports.ts";
import type { ManagedExposure } from "../../../../../connector/targets/managed-exposures.ts";
import { FakeView } from "./fake-view.ts";
import { deployment, endpoint, meta, pod, service, slice } from "./objects.ts";

const ON = { "fairlead.dev/expose": "true" };

class World {
  readonly services = new FakeView<ServiceObject>();
  readonly slices = new FakeView<EndpointSliceObject>();
  readonly deployments = new FakeView<WorkloadObject>();
  readonly pods = new Map<string, FakeView<PodObject>>();
  readonly events: ClusterEvent[] = [];
  readonly offered: (readonly ManagedExposure[])[] = [];
  refusals: readonly Refusal[] = [];
  stored: readonly Claim[] = [];
  readonly exports: Exports;

  constructor(watched: readonly string[] | null = null) {
    this.exports = new Exports({
      cluster: {
        watched,
        events: { record: (event) => this.events.push(event) },
        views: {
          services: this.services,
          endpointSlices: this.slices,
          workloads: [this.deployments],
          pods: (namespace, selector) => {
            const view = new FakeView<PodObject>();
            this.pods.set(`${namespace} ${selector}`, view);
            return view;
          },
        },
      },
      skupper: false,
      offers: { set: (exposures) => this.offered.push(exposures), refusals: () => this.refusals },
      memory: {
        load: () => Promise.resolve(this.stored),
        save: (claims) => {
          this.stored = [...claims];
          return Promise.resolve();
        },
      },
    });
  }

  async start(): Promise<void> {
    await this.exports.start();
    await this.settle();
  }

  async settle(): Promise<void> {
    await vi.advanceTimersByTimeAsync(100);
  }

  async sync(): Promise<void> {
    for (const view of [this.services, this.slices, this.deployments]) view.sync();
    await this.settle();
  }

  /** What is offered now, as `name: host host`. */
  get now(): readonly string[] {
    return (this.offered.at(-1) ?? []).map(({ name, ports }) => {
      const hosts = ports.flatMap(({ targets }) => targets.map(({ host }) => host));
      return `${name}: ${hosts.join(" ")}`.trimEnd();
    });
  }

  /** The notes of the Events since the last call. */
  told(): readonly string[] {
    return this.events.splice(0).map(({ type, note }) => (type === "Normal" ? note : `Warning: ${note}`));
  }
}

describe("The exports of a cluster", () => {
  let world: World;
  const web = service(meta("web", { annotations: ON }));
  const ready = slice("web", [endpoint("10.1.0.4")]);

  beforeEach(() => {
    vi.useFakeTimers();
    world = new World();
  });

  afterEach(async () => {
    await world.exports.close();
    vi.useRealTimers();
  });

  /** A started world with the Services and slices. */
  const running = async (
    services: readonly ServiceObject[],
    slices: readonly EndpointSliceObject[] = [ready],
  ) => {
    await world.start();
    world.services.put(...services);
    world.slices.put(...slices);
    await world.sync();
  };

  it("follow Services and their EndpointSlices", async () => {
    await running([web, service(meta("other"))]);
    expect([world.now, world.told()]).toEqual([["web: 10.1.0.4"], ["Service web exposed."]]);
    world.slices.put(slice("web", [endpoint("10.1.0.4"), endpoint("10.1.0.5")]));
    await world.settle();
    expect([world.now, world.told()]).toEqual([["web: 10.1.0.4 10.1.0.5"], []]);
    world.slices.remove("shop", "web-abcde");
    await world.settle();
    expect(world.now).toEqual(["web:"]);
  });

  it("expose a Service when it is annotated, and no longer when it is not", async () => {
    await running([service(meta("web"))]);
    expect(world.offered).toEqual([]);
    world.services.put(web);
    await world.settle();
    expect(world.now).toEqual(["web: 10.1.0.4"]);
    world.services.put(service(meta("web")));
    await world.settle();
    const notes = ["Service web exposed.", "Service web is no longer exposed."];
    expect([world.now, world.told()]).toEqual([[], notes]);
  });

  it("offer nothing new while nothing changes", async () => {
    await running([web]);
    world.services.put(service(meta("web", { annotations: ON, resourceVersion: "2" })));
    world.slices.put(slice("web", [endpoint("10.1.0.4")]));
    await world.settle();
    expect(world.offered).toHaveLength(1);
  });

  it("decide nothing by a view that is not whole", async () => {
    await world.start();
    world.services.put(web);
    world.services.sync();
    await world.settle();
    expect(world.offered).toEqual([]);
  });

  it("have begun once what the views have is offered, also if that is nothing", async () => {
    let hasBegun = false;
    void world.exports.begun.then(() => {
      hasBegun = true;
    });
    await world.start();
    world.services.put(web);
    world.services.sync();
    await world.settle();
    expect(hasBegun).toBe(false);
    await world.sync();
    expect([hasBegun, world.now]).toEqual([true, ["web:"]]);
    const empty = new World();
    await empty.start();
    await empty.sync();
    await empty.exports.begun;
    await empty.exports.close();
  });

  it("leave out namespaces that are not watched", async () => {
    world = new World(["shop"]);
    await running([web, service(meta("api", { annotations: ON, namespace: "other" }))]);
    expect(world.now).toEqual(["web: 10.1.0.4"]);
  });

  it("give the name of a deleted object to the one that waited for it", async () => {
    const annotations = { ...ON, "fairlead.dev/address": "web" };
    const young = meta("young", { annotations, creationTimestamp: "2026-11-26T11:00:00Z" });
    await running([web, service(young)], [ready, slice("young", [endpoint("10.1.0.9")])]);
    expect([world.now, world.told()]).toEqual([
      ["web: 10.1.0.4"],
      [
        "Service web exposed.",
        expect.stringMatching(/^Warning: The name web is taken by the Service shop\/web/),
      ],
    ]);
    world.services.remove("shop", "web");
    await world.settle();
    expect([world.now, world.told()]).toEqual([
      ["web: 10.1.0.9"],
      ["Service web is no longer exposed.", "Service web exposed."],
    ]);
  });

  it("tell a mistake once, and again after it was mended and made again", async () => {
    const wrong = service(meta("web", { annotations: { "fairlead.dev/expose": "yes" } }));
    await running([wrong]);
    world.services.put({ ...wrong, meta: { ...wrong.meta, resourceVersion: "2" } });
    await world.settle();
    expect(world.told()).toHaveLength(1);
    world.services.put(web);
    await world.settle();
    expect(world.told()).toEqual(["Service web exposed."]);
    world.services.put(wrong);
    await world.settle();
    expect(world.told()).toEqual([
      "Service web is no longer exposed.",
      expect.stringMatching(/^Warning: The annotation fairlead.dev\/expose has "yes"/),
    ]);
  });

  it("tell the owner of a service that is refused", async () => {
    await running([web]);
    world.told();
    world.refusals = [{ name: "web", message: "The site offers too much." }];
    world.exports.reviewRefusals();
    expect(world.told()).toEqual([
      "Service web is no longer exposed.",
      "Warning: web is not offered. The site offers too much.",
    ]);
    world.refusals = [];
    world.exports.reviewRefusals();
    expect(world.told()).toEqual(["Service web exposed."]);
  });

  it("tell nobody of a service of that name that another controller gave", async () => {
    await running([web]);
    world.told();
    world.refusals = [{ name: "web", source: "ServiceExport shop/web", message: "It is given already." }];
    world.exports.reviewRefusals();
    expect(world.told()).toEqual([]);
  });

  it("are stored", async () => {
    await running([web]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(world.stored.map(({ outcome }) => outcome.service?.name)).toEqual(["web"]);
  });

  describe("of a workload", () => {
    const annotated = deployment(meta("api", { annotations: ON }));
    const podsOf = (selector: string) => world.pods.get(`shop ${selector}`);

    beforeEach(async () => {
      await world.start();
      world.deployments.put(annotated, deployment(meta("other")));
      await world.sync();
    });

    it("watch its pods while it is exposed", async () => {
      expect([[...world.pods.keys()], world.offered]).toEqual([["shop app=api"], []]);
      const pods = podsOf("app=api");
      pods?.put(pod("api-a", "10.1.0.4"), pod("api-b", "10.1.0.5", { ready: false }));
      pods?.sync();
      await world.settle();
      expect(world.now).toEqual(["api: 10.1.0.4"]);
      pods?.put(pod("api-b", "10.1.0.5"));
      await world.settle();
      expect(world.now).toEqual(["api: 10.1.0.4 10.1.0.5"]);
      world.deployments.put(deployment(meta("api")));
      await world.settle();
      expect([world.now, pods?.isClosed]).toEqual([[], true]);
    });

    it("keep its offer while the pods of another selector are not known", async () => {
      podsOf("app=api")?.put(pod("api-a", "10.1.0.4"));
      podsOf("app=api")?.sync();
      await world.settle();
      world.deployments.put({ ...annotated, selector: "app=new" });
      await world.settle();
      expect([world.now, podsOf("app=api")?.isClosed]).toEqual([["api: 10.1.0.4"], true]);
      podsOf("app=new")?.sync();
      await world.settle();
      expect(world.now).toEqual(["api:"]);
    });
  });

  describe("after a restart", () => {
    beforeEach(async () => {
      const service = {
        name: "web",
        source: "Service shop/web",
        ports: [{ servicePort: 80, protocol: "tcp" as const, targets: [{ host: "10.1.0.4", port: 8080 }] }],
      };
      world.stored = [
        {
          about: { kind: KINDS.services, namespace: "shop", name: "web", uid: "uid-web" },
          createdAt: "2026-11-26T10:00:00Z",
          outcome: { service, pods: [], warnings: [] },
        },
      ];
      await world.start();
    });

    it("go on with what was exposed, until the objects are seen", async () => {
      world.deployments.sync();
      await world.settle();
      expect([world.now, world.told()]).toEqual([["web: 10.1.0.4"], []]);
    });

    it("end what is gone, and say so", async () => {
      await world.sync();
      expect([world.now, world.told()]).toEqual([[], ["Service web is no longer exposed."]]);
    });

    it("say nothing of what is exposed as before", async () => {
      world.services.put(web);
      world.slices.put(ready);
      await world.sync();
      expect([world.offered.length, world.told()]).toEqual([1, []]);
    });
  });
});

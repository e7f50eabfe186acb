/** Upgrades from the recorded version to this one, step by step, with streams open. docs/upgrading.md has the rules. */
import { cp } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import * as z from "zod";
import { version } from "../../connector/version.ts";
import {
  openRecord,
  RECORDED_VERSION,
  type Recorded,
  type RecordedSite,
  recordedSiteArgs,
  runRecorded,
  startRecordedEdge,
} from "../support/edge/record.ts";
import { Cluster, Edge, eventually } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { closeServers, dial } from "../support/traffic/servers.ts";
import { CheckedServer, type CheckedStreams } from "../support/traffic/streams.ts";

const COMMIT = "017350e";
/** Rate of each end of an open stream. */
const PACE = { bytes: 4096, everyMs: 20 };
const SECONDS = { within: 120_000, every: 200 };

/** Program of a part: the recorded one, or this one. */
type Program = "recorded" | "present";
/** Instances of the two sites. East has two, and offers the service. */
type Instance = "east" | "second east" | "west";

const VERSIONS: Readonly<Record<Program, string>> = { recorded: RECORDED_VERSION, present: version() };

const Versions = z.object({
  newest: z.string(),
  programs: z.array(
    z.object({ program: z.string(), where: z.string(), version: z.string(), behind: z.boolean() }),
  ),
});

/** The recorded deployment with a second instance of east. Its parts are replaced one after the other. */
class Deployment {
  readonly #cluster: Cluster;
  readonly record: Recorded;
  readonly #target: CheckedServer;
  readonly #states: Readonly<Record<Instance, string>>;
  readonly #running = new Map<Instance, { readonly process: ManagedProcess; readonly program: Program }>();
  #edge: { readonly process: ManagedProcess; readonly program: Program };

  private constructor(
    cluster: Cluster,
    record: Recorded,
    parts: { readonly target: CheckedServer; readonly second: string; readonly edge: ManagedProcess },
  ) {
    this.#cluster = cluster;
    this.record = record;
    this.#target = parts.target;
    this.#states = { ...record.sites, "second east": parts.second };
    this.#edge = { process: parts.edge, program: "recorded" };
  }

  /** Starts the recorded edge, and the recorded connectors of west and of one instance of east. */
  static async start(cluster: Cluster): Promise<Deployment> {
    const record = await openRecord(cluster, COMMIT);
    const second = cluster.fresh("second");
    await cp(record.sites.east, second, { recursive: true });
    const target = await CheckedServer.start(record.target);
    const edge = await startRecordedEdge(cluster, record);
    const deployment = new Deployment(cluster, record, { target, second, edge });
    await Promise.all([deployment.start("east", "recorded"), deployment.start("west", "recorded")]);
    return deployment;
  }

  /** Starts an instance, and waits until its uplink is up. */
  async start(instance: Instance, program: Program): Promise<void> {
    const site: RecordedSite = instance === "west" ? "west" : "east";
    const args = recordedSiteArgs(this.record, site, this.#states[instance]);
    const name = `${program} ${instance}`;
    const process =
      program === "recorded"
        ? runRecorded(this.#cluster, this.record, name, args)
        : this.#cluster.run(name, args);
    this.#running.set(instance, { process, program });
    await process.output("uplink up", ({ stdout }) => (/"to":"up"/.test(stdout) ? true : null));
  }

  /**
   * Replaces an instance while streams are open. The instance drains: its streams continue until their clients end
   * them.
   * @param meanwhile called between SIGTERM and the end of the streams
   */
  async replace(
    instance: Instance,
    program: Program,
    streams: CheckedStreams,
    meanwhile: () => Promise<void>,
  ): Promise<void> {
    const running = this.#running.get(instance);
    if (running === undefined) throw new Error(`${instance} does not run.`);
    const exit = running.process.stop(120_000);
    await meanwhile();
    await streams.move();
    await streams.finish();
    expect(await exit).toEqual({ status: 0, signal: null });
    await this.start(instance, program);
  }

  /** Replaces the edge while streams are open. They pause, and lose nothing. */
  async replaceEdge(streams: CheckedStreams): Promise<void> {
    await this.#edge.process.stop();
    const edge = await Edge.start(this.#cluster, { stateDir: this.record.edge });
    this.#edge = { process: edge.process, program: "present" };
    await streams.move();
  }

  /** Stops an instance, and starts another program on its state directory. */
  async swap(instance: Instance, program: Program): Promise<void> {
    await this.#running.get(instance)?.process.stop();
    await this.start(instance, program);
  }

  /** Stops the edge, and starts the recorded program with a state directory. */
  async startRecordedEdge(stateDir: string): Promise<void> {
    await this.#edge.process.stop();
    const process = await startRecordedEdge(this.#cluster, this.record, stateDir);
    this.#edge = { process, program: "recorded" };
  }

  /** Opens streams from a client of west to the target of east. */
  async open(count = 2): Promise<CheckedStreams> {
    return await eventually(
      "streams open",
      () => this.#target.open(this.record.listener, count, PACE),
      SECONDS,
    );
  }

  /** Opens new streams, and moves bytes in both directions. */
  async expectService(): Promise<void> {
    const streams = await this.open();
    await streams.move();
    await streams.finish();
  }

  /** Waits until `fairlead version` shows the program of every part, and which parts are behind. */
  async expectVersions(): Promise<void> {
    const shown = (program: string, where: string, of: Program) => ({
      ...{ program, where, version: VERSIONS[of], behind: of === "recorded" },
    });
    const expected = [
      shown("command", "", "present"),
      shown("edge", this.record.env.FAIRLEAD_URL ?? "", this.#edge.program),
      ...[...this.#running]
        .map(([instance, { program }]) => shown("connector", instance === "west" ? "west" : "east", program))
        .toSorted(byPlace),
    ];
    await eventually(
      "the versions are shown",
      async () => {
        const outcome = await this.#cluster.fairlead(["version", "--json"], this.record.env);
        const { newest, programs } = Versions.parse(outcome.json);
        const [command, edge, ...connectors] = programs;
        expect([command, edge, ...connectors.toSorted(byPlace)]).toEqual(expected);
        expect(newest).toBe(VERSIONS.present);
        return true;
      },
      SECONDS,
    );
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ process }) => process.stop()));
    await this.#edge.process.stop();
    await this.#target.server.close();
  }
}

type Shown = z.infer<typeof Versions>["programs"][number];
const byPlace = (left: Shown, right: Shown) =>
  left.where.localeCompare(right.where) || left.version.localeCompare(right.version);

let cluster: Cluster;
let deployment: Deployment;

beforeAll(async () => {
  cluster = await Cluster.create();
});
beforeEach(async () => {
  deployment = await Deployment.start(cluster);
});
afterEach(async ({ task }) => {
  if (task.result?.state === "fail") console.error(`${task.name}\n${cluster.logs()}`);
  await deployment.stop();
});
afterAll(async () => {
  await closeServers();
  await cluster.close();
});

/** Replaces the edge while a stream is open from before. New streams open as well. */
async function upgradeEdge(): Promise<void> {
  const streams = await deployment.open();
  await deployment.replaceEdge(streams);
  await deployment.expectService();
  await streams.finish();
  await deployment.expectVersions();
}

/** Replaces the connectors one after the other: both instances of east, then west. */
async function upgradeConnectors(): Promise<void> {
  let streams = await deployment.open();
  await deployment.start("second east", "recorded");
  await deployment.expectVersions();
  for (const instance of ["east", "second east"] as const) {
    await deployment.replace(instance, "present", streams, () => deployment.expectService());
    await deployment.expectVersions();
    await deployment.expectService();
    streams = await deployment.open();
  }
  await deployment.replace("west", "present", streams, () => expectRefused());
  await deployment.expectVersions();
  await deployment.expectService();
}

/** Waits until the listener of west refuses clients: an instance that drains accepts none. */
async function expectRefused(): Promise<void> {
  await eventually("the listener is closed", async () => {
    const socket = await dial(deployment.record.listener).catch(({ code }: NodeJS.ErrnoException) => code);
    if (typeof socket === "object") socket.destroy();
    return socket === "ECONNREFUSED";
  });
}

describe("An upgrade from the recorded version", () => {
  it("keeps streams and serves new ones at every step, edge first", async () => {
    await upgradeEdge();
    await upgradeConnectors();
  });

  it("keeps streams and serves new ones at every step, connectors first", async () => {
    await upgradeConnectors();
    await upgradeEdge();
  });
});

describe("A connector that is rolled back to the recorded version", () => {
  it("works with the state that this version wrote", async () => {
    for (const program of ["present", "recorded"] as const) {
      for (const instance of ["east", "west"] as const) await deployment.swap(instance, program);
      await deployment.expectService();
      await deployment.expectVersions();
    }
  });
});

describe("An edge that is rolled back to the recorded version", () => {
  it("works with a backup from before the upgrade", async () => {
    const backup = cluster.fresh("before.backup");
    const made = await cluster.fairlead(
      ["edge", "backup", "-o", backup, "--state", deployment.record.edge],
      deployment.record.env,
    );
    expect(made.stderr).toBe("");
    const streams = await deployment.open();
    await deployment.replaceEdge(streams);
    await streams.finish();

    const state = cluster.fresh("rolled-back");
    const restoring = runRecorded(cluster, deployment.record, "recorded restore", [
      ...["edge", "restore", backup, "--state", state],
    ]);
    expect(await restoring.exited, restoring.stderr).toMatchObject({ status: 0 });
    await deployment.startRecordedEdge(state);
    await deployment.expectService();
    await deployment.expectVersions();
  });
});

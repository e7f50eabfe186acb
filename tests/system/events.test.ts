/** The event log as a program follows it, and what sites do that it tells: planned stops, losses, new names. */
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type EventFilter, listEvents, setQuotas } from "../../connector/operator/edge-api.ts";
import { startEchoPair } from "../support/connector/echo-pair.ts";
import { type Connector, Edge, eventually, type TestNetwork } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, exchange } from "../support/traffic/servers.ts";

/** More events than the API gives in one answer. */
const BURST = 1_050;

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let west: Connector;

beforeAll(async () => {
  ({ network, east, west } = await startEchoPair(suite, { args: ["--log-level", "debug"] }));
});

interface Line {
  readonly id?: number;
  readonly type: string;
  readonly text: string;
  readonly site?: string;
  readonly code?: string;
}

const linesOf = ({ stdout }: ManagedProcess): Line[] =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** Follows the network's events from an id on. */
async function follow(after: number, ...args: string[]): Promise<ManagedProcess> {
  const words = [
    "events",
    "--follow",
    "--json",
    "--network",
    network.name,
    "--after",
    String(after),
    ...args,
  ];
  const follower = suite.cluster.run("follower", words, suite.edge.env);
  await follower.output("its first event", (process) => (linesOf(process).length > 0 ? true : null));
  return follower;
}

/** Changes the network's quotas, which is an event each time. */
async function burst(count: number): Promise<void> {
  let left = count;
  const worker = async () => {
    while (left > 0) await setQuotas(suite.edge.client, network.id, { tokens: 1000 + left-- });
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}

const events = (filter: EventFilter) => listEvents(suite.edge.client, network.id, filter);

const siteLine = async (site: string) =>
  (await suite.edge.fairlead("site", "list", "--network", network.name)).stdout
    .split("\n")
    .find((line) => line.startsWith(site));

describe("a connector that is stopped", () => {
  it("leaves a stopped site, and one that is killed leaves a site that is down", async () => {
    await east.process.stop(120_000);
    await eventually("the stop", async () => (await events({ type: "site.stopped" })).length === 1);
    expect(await siteLine("east")).toMatch(/^east +stopped/);
    expect(await events({ type: "site.down" })).toEqual([]);
    await east.restart();
    expect(await siteLine("east")).toMatch(/^east +up/);
    await east.kill9();
    await eventually("the loss", async () => (await events({ type: "site.down" })).length === 1);
    expect(await siteLine("east")).toMatch(/^east +down/);
    expect(await events({ type: "site.stopped" })).toHaveLength(1);
    await east.restart();
  });
});

describe("a site that is renamed", () => {
  it("has its new name at once everywhere, and keeps its connections", async () => {
    const open = await dial(await west.listener("echo"));
    open.write("before");
    expect(String((await once(open, "data"))[0])).toBe("before");
    const session = (await west.status()).sessions.find(({ peer }) => peer === "east");
    expect(
      (await suite.edge.fairlead("site", "update", "east", "--name", "orient", "--network", network.name))
        .status,
    ).toBe(0);
    await eventually("the sites know the name", async () => {
      const [there, here] = [await east.status(), await west.status()];
      return (
        there.site.name === "orient" &&
        here.services[0]?.sites.join() === "orient" &&
        here.sessions.some(({ peer, id }) => peer === "orient" && id === session?.id)
      );
    });
    open.end("after");
    expect(String((await once(open, "data"))[0])).toBe("after");
    await west.logged({ msg: "The flow is completed.", peer: "orient", session: session?.id });
    await eventually("the name is stored", async () => {
      const { site } = JSON.parse(await readFile(join(east.stateDir, "site.json"), "utf8"));
      return site.name === "orient";
    });
  });
});

describe("a connector with damaged files that can be made anew", () => {
  it("sets them aside, says so, and starts", async () => {
    const before = await west.listener("echo");
    await west.process.stop(120_000);
    await writeFile(join(west.stateDir, "offers.json"), '{"offers": [');
    await writeFile(join(west.stateDir, "addresses.json"), "");
    await west.restart();
    for (const file of ["offers.json", "addresses.json"]) {
      await west.logged({ code: "state.corrupt", file: join(west.stateDir, `${file}.damaged`) });
    }
    expect(await west.listener("echo")).toEqual(before);
    expect((await exchange(before, "again")).toString()).toBe("again");
    await eventually("the address is stored", async () => {
      const { addresses } = JSON.parse(await readFile(join(west.stateDir, "addresses.json"), "utf8"));
      return addresses.echo === before.host;
    });
  });
});

describe("a program that follows the events", () => {
  it("gets every event of a burst once, also those that came while it stood still", async () => {
    const newest = (await events({ limit: 1 }))[0]?.id ?? 0;
    const follower = await follow(newest - 1);
    follower.kill("SIGSTOP");
    await burst(BURST);
    follower.kill("SIGCONT");
    await follower.output("the burst", (process) => (linesOf(process).length > BURST ? true : null));
    const expected = Array.from({ length: BURST + 1 }, (_, at) => newest + at);
    expect(linesOf(follower).map(({ id }) => id)).toEqual(expected);
    await follower.stop();
    const all = await suite.edge.fairlead(
      "events",
      "--all",
      "--type",
      "network.quotas",
      "--network",
      network.name,
    );
    expect(all.stdout.trim().split("\n")).toHaveLength(BURST);
  });

  it("learns that the network was restored from a backup, and gets the events that follow", async () => {
    const { cluster, edge } = suite;
    const backup = cluster.fresh("backup");
    const made = await edge.fairlead("edge", "backup", "-o", backup, "--state", edge.stateDir, "--json");
    expect(made.status, made.stderr).toBe(0);
    await burst(10);
    const newest = (await events({ limit: 1 }))[0]?.id ?? 0;
    const follower = await follow(newest - 1);
    await edge.stop();
    const state = cluster.fresh("restored");
    const restored = await cluster.fairlead(["edge", "restore", backup, "--state", state, "--json"]);
    expect(restored.status, restored.stderr).toBe(0);
    await Edge.start(cluster, { stateDir: state });
    const lines = await follower.output("the restoration", (process) => {
      const all = linesOf(process);
      return all.some(({ type }) => type === "network.restored") ? all : null;
    });
    const began = lines.findIndex(({ type }) => type === "log.began");
    expect(lines[began]?.id).toBeUndefined();
    expect(lines[began + 1]).toMatchObject({ type: "network.restored" });
    expect(lines[began + 1]?.id).toBeLessThan(newest);
    expect(follower.stderr).toContain("The event log began anew");
    await follower.stop();
  });
});

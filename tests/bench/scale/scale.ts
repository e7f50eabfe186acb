/**
 * The cost of a large network for the edge. The embedded edge is a process; this process has the sites, with real
 * certificates and uplinks. CPU time is that of the edge's processes alone.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { eventually } from "../../support/clock/eventually.ts";
import { closeSockets } from "../../support/connector/raw-site.ts";
import { Cluster, type TestNetwork } from "../../support/process/cluster.ts";
import { describeMachine } from "../machine.ts";
import { edgeCpuSeconds, raiseDescriptors } from "../processes.ts";
import type { Machine } from "../results.ts";
import { percentile } from "../statistics.ts";
import { type CrowdMember, each, joinAll } from "./crowd.ts";

/** Sites that offer a service each, which all other sites see. */
const SERVERS = 10;
/** Count of services that appear one after another. */
const APPEARANCES = 20;
/** Pause in which the edge finishes its work before CPU time is read, ms. */
const SETTLE_MS = 500;
/** Descriptors of each uplink: one in this process, two at the edge's front, one at workerd. */
const DESCRIPTORS = 4;
const SPARE_DESCRIPTORS = 1000;

/** CPU time of the edge for each operation, ms. */
export interface Cost {
  /** The front, which ends TLS. */
  readonly front: number;
  readonly workerd: number;
  /** Wall-clock time for each operation, with the work of the sites, ms. */
  readonly wall: number;
}

export interface ScaleResult {
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  readonly sites: number;
  /** A site redeems a token. */
  readonly join: Cost;
  /** A site opens its first uplink, until its welcome. */
  readonly first: Cost;
  /** A registered site opens its uplink again. */
  readonly returning: Cost;
  /** An uplink is lost. */
  readonly lost: Cost;
  /** A session is granted to one site and offered to the other. */
  readonly session: Cost;
  /** A service appears, until all sites were notified. */
  readonly appearance: Cost;
  /** Time until a new service is seen, over all sites, ms. */
  readonly seen: { readonly p50: number; readonly p99: number };
}

type Say = (line: string) => void;

/** Measures a network. @param sites count of sites */
export async function measureScale(sites: number, say: Say): Promise<ScaleResult> {
  const started = new Date().toISOString();
  const wanted = sites * DESCRIPTORS + SPARE_DESCRIPTORS;
  if ((await raiseDescriptors(wanted)) < wanted) throw new Error(`This process needs ${wanted} descriptors.`);
  const cluster = await Cluster.create("fl-scale-");
  try {
    const edge = await cluster.edge();
    const network = await cluster.network(edge, "scale");
    const costs = new Meter(edge.process.pid, say);

    const token = await network.token({ uses: sites });
    const names = Array.from({ length: sites }, (_, at) => `site${at}`);
    let members: CrowdMember[] = [];
    const join = await costs.of("join", sites, async () => {
      members = await joinAll(edge, token, names);
    });

    const servers = members.slice(0, Math.min(SERVERS, sites - 1));
    const clients = members.slice(servers.length);
    for (const [at, server] of servers.entries()) {
      server.offers.push({ name: serviceOf(at), protocol: "tcp", port: 80 });
      await server.connect();
    }
    const first = await costs.of("first uplink", clients.length, () =>
      each(clients, async (client) => {
        const seen = await client.connect();
        if (seen.length !== servers.length) throw new Error(`A site sees ${seen.length} services.`);
      }),
    );

    const times: number[] = [];
    const appearance = await costs.of("new service", APPEARANCES, async () => {
      for (let at = 0; at < APPEARANCES; at++)
        times.push(...(await appear(`new${at}`, servers, clients, at)));
    });
    times.sort((left, right) => left - right);

    const session = await costs.of("session", clients.length, () => grantAll(servers, clients));
    const lost = await costs.of("lost uplink", members.length, async () => {
      for (const member of members) await member.disconnect();
      await eventually("every site is down", async () => (await upIn(network)) === 0, { every: 1000 });
    });
    for (const server of servers) await server.connect();
    const returning = await costs.of("returning uplink", clients.length, () =>
      each(clients, (client) => client.connect()),
    );
    if ((await upIn(network)) !== sites) throw new Error("A site has no uplink again.");
    const seen = { p50: percentile(times, 0.5), p99: percentile(times, 0.99) };
    const machine = await describeMachine();
    return { started, machine, sites, join, first, returning, lost, session, appearance, seen };
  } finally {
    closeSockets();
    await cluster.close();
  }
}

const serviceOf = (server: number) => `service${server}`;

/** Offers a new service at one server. Returns how long each other site waited to see it, ms. */
async function appear(
  name: string,
  servers: readonly CrowdMember[],
  clients: readonly CrowdMember[],
  at: number,
): Promise<number[]> {
  const server = servers[at % servers.length];
  if (server === undefined) return [];
  const others = [...servers, ...clients].filter((member) => member !== server);
  const all = Promise.all(others.map((member) => member.sees(name)));
  const begun = performance.now();
  server.expose(name);
  const seen = await all;
  // The next service appears at an idle edge.
  await sleep(SETTLE_MS / 5);
  return seen.map((time) => time - begun);
}

/** Requests a session with a server for every client. Afterwards both sides report its end. */
async function grantAll(servers: readonly CrowdMember[], clients: readonly CrowdMember[]): Promise<void> {
  const serverOf = new Map(clients.map((client, at) => [client, at % servers.length]));
  await each(clients, async (client) => {
    const at = serverOf.get(client) ?? 0;
    const server = servers[at];
    if (server !== undefined) await client.request(serviceOf(at), server);
  });
}

async function upIn(network: TestNetwork): Promise<number> {
  const { sites } = await network.status();
  return sites.filter(({ state }) => state === "up").length;
}

/** Measures the CPU time of an edge during an operation. */
class Meter {
  readonly #pid: number;
  readonly #say: Say;

  constructor(pid: number, say: Say) {
    this.#pid = pid;
    this.#say = say;
  }

  /** Runs operations and returns their cost. @param count count of operations in `work` */
  async of(what: string, count: number, work: () => Promise<unknown>): Promise<Cost> {
    await sleep(SETTLE_MS);
    const before = await edgeCpuSeconds(this.#pid);
    const begun = performance.now();
    await work();
    const wall = (performance.now() - begun) / count;
    await sleep(SETTLE_MS);
    const after = await edgeCpuSeconds(this.#pid);
    const spent = (part: "front" | "workerd") => ((after[part] - before[part]) * 1000) / count;
    const cost = { front: spent("front"), workerd: spent("workerd"), wall };
    const [front, workerd, each] = [cost.front, cost.workerd, wall].map((ms) => ms.toFixed(2));
    this.#say(`${count} × ${what}: front ${front} ms, workerd ${workerd} ms, ${each} ms of time each`);
    return cost;
  }
}

/**
 * What each path of the Worker costs in CPU time, beside the limit of Cloudflare's free plan. The Worker and its objects
 * run in one process of workerd, so each figure is of all of them together, and of the runtime: an upper bound for what
 * a platform would count for the Worker alone.
 */
import { loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { WebSocket } from "ws";
import { createToken } from "../../../connector/operator/edge-api.ts";
import { RenewalResponse } from "../../../protocol/api/admission.ts";
import { Health } from "../../../protocol/api/health.ts";
import { MAX_LANE_MESSAGE } from "../../../protocol/carrier/lane.ts";
import type { Invitation } from "../../../protocol/uplink/messages.ts";
import { type Attempt, closeSockets, RawSite, type RawUplink } from "../../support/connector/raw-site.ts";
import { Cluster } from "../../support/process/cluster.ts";
import { describeMachine } from "../machine.ts";
import { workerdCpuMs } from "../processes.ts";
import type { Machine } from "../results.ts";
import { median } from "../statistics.ts";

/** Operations of each path in a round, after the first one. */
const COUNT = 40;
/** Messages relayed in a round, of each size. */
const MESSAGES = 400;
const SMALL_MESSAGE = 1024;
/** For workerd to finish what it still does after an answer, before CPU time is read, ms. */
const SETTLE_MS = 100;
const SERVICE = "api";
const TOKEN = { uses: 1, expirySeconds: 900 } as const;

/** What one path costs, ms of CPU time for each operation. */
export interface PathCost {
  readonly title: string;
  /** Median over the rounds, of a process that has done the same before. */
  readonly warm: number;
  /** The first operation of its kind in a new process: median and most. Null where only many can be measured. */
  readonly first: { readonly median: number; readonly most: number } | null;
}

export interface CpuResult {
  /** ISO 8601. */
  readonly started: string;
  readonly machine: Machine;
  readonly rounds: number;
  /** Mean number of processes that wanted a core in the last minute, at the start and at the end. */
  readonly load: readonly [number, number];
  readonly paths: readonly PathCost[];
}

type Say = (line: string) => void;

/** One round's figures, ms for each operation, by the title of the path. */
type Figures = Map<string, { warm: number; first: number | null }>;

/** @param rounds how many edges are started and measured, one after another */
export async function measureCpu(rounds: number, say: Say): Promise<CpuResult> {
  const started = new Date().toISOString();
  const before = loadavg()[0] ?? Number.NaN;
  const figures: Figures[] = [];
  for (let round = 1; round <= rounds; round++) {
    say(`CPU time of the Worker's paths, round ${round} of ${rounds}`);
    figures.push(await measureRound());
  }
  const titles = [...(figures[0]?.keys() ?? [])];
  const paths = titles.map((title): PathCost => {
    const of = figures.flatMap((round) => round.get(title) ?? []);
    const firsts = of.flatMap(({ first }) => first ?? []);
    const warm = median(of.map((each) => each.warm));
    const first = firsts.length === 0 ? null : { median: median(firsts), most: Math.max(...firsts) };
    return { title, warm, first };
  });
  const load = [before, loadavg()[0] ?? Number.NaN] as const;
  return { started, machine: await describeMachine(), rounds, load, paths };
}

async function measureRound(): Promise<Figures> {
  const cluster = await Cluster.create("fl-cpu-");
  try {
    const edge = await cluster.edge();
    const network = await cluster.network(edge, "cpu");
    const meter = new Meter(edge.process.pid);

    await meter.of("health check", () => edge.client.request("GET", "/v1/health", Health));
    await meter.of("token created", () => createToken(edge.client, network.id, TOKEN));
    const token = await network.token({ uses: COUNT + 1 });
    const sites: RawSite[] = [];
    await meter.of("token redeemed", async (at) => {
      sites.push(await RawSite.join(edge, token, `site${at}`, edge.client));
    });
    await meter.of("certificate renewed over the API", async (at) => {
      const assertion = await siteAt(sites, at).assertion({ purpose: "renew" });
      await edge.client.request("POST", "/v1/renew", RenewalResponse, { assertion });
    });

    const server = await RawSite.join(edge, await network.token(), "server", edge.client);
    const provider = await server.connect([{ name: SERVICE, protocol: "tcp", port: 80 }]);
    const uplinks: RawUplink[] = [];
    await meter.of("uplink opened, with its hello", async (at) => {
      uplinks.push(await siteAt(sites, at).connect());
    });
    const sessions: { grant: Invitation; offer: Invitation }[] = [];
    await meter.of("session granted to both sites", async (at) => {
      const uplink = uplinks[at];
      if (uplink === undefined) throw new Error("there is no uplink");
      const peer = { site: server.id, boot: server.boot };
      uplink.send({ type: "session.request", id: 1, service: SERVICE, peer, lanes: 1 });
      const grant = (await uplink.next("session.grant")).invitation;
      sessions.push({ grant, offer: (await provider.next("session.offer")).invitation });
    });
    const lanes: { left: WebSocket; right: WebSocket }[] = [];
    const dial = async (at: number) => {
      const session = sessions[at];
      if (session === undefined) throw new Error("there is no session");
      const left = opened(await siteAt(sites, at).dialLane(session.grant.ticket));
      lanes.push({ left, right: opened(await server.dialLane(session.offer.ticket)) });
    };
    await meter.of("lane opened, for each of its two ends", dial, 2);

    const [lane] = lanes;
    if (lane === undefined) throw new Error("there is no lane");
    for (const [size, title] of [
      [SMALL_MESSAGE, "message of 1 KiB relayed"],
      [MAX_LANE_MESSAGE, "message of 64 KiB relayed"],
    ] as const) {
      await meter.many(title, MESSAGES, () => relay(lane.left, lane.right, Buffer.alloc(size)));
    }
    return meter.figures;
  } finally {
    closeSockets();
    await cluster.close();
  }
}

function siteAt(sites: readonly RawSite[], at: number): RawSite {
  const site = sites[at];
  if (site === undefined) throw new Error(`there is no site ${at}`);
  return site;
}

function opened(result: Attempt): WebSocket {
  if (result.kind !== "open") throw new Error(`no lane: ${JSON.stringify(result)}`);
  return result.socket;
}

/** Sends {@link MESSAGES} messages, one after another as the other end receives them. */
async function relay(from: WebSocket, to: WebSocket, message: Buffer): Promise<void> {
  for (let sent = 0; sent < MESSAGES; sent++) {
    const arrived = new Promise((resolve) => to.once("message", resolve));
    from.send(message);
    await arrived;
  }
}

/** Reads the CPU time of an edge's workerd around what is done. */
class Meter {
  readonly figures: Figures = new Map();
  readonly #pid: number;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /**
   * Measures an operation: the first by itself, then {@link COUNT} of them.
   * @param perOperation how many of what the title says each operation does
   */
  async of(title: string, operation: (at: number) => Promise<unknown>, perOperation = 1): Promise<void> {
    const first = await this.#spent(() => operation(0));
    const rest = await this.#spent(async () => {
      for (let at = 1; at <= COUNT; at++) await operation(at);
    });
    this.figures.set(title, { first: first / perOperation, warm: rest / COUNT / perOperation });
  }

  /** Measures `count` operations that are done in one go. */
  async many(title: string, count: number, work: () => Promise<unknown>): Promise<void> {
    this.figures.set(title, { first: null, warm: (await this.#spent(work)) / count });
  }

  async #spent(work: () => Promise<unknown>): Promise<number> {
    await sleep(SETTLE_MS);
    const before = await workerdCpuMs(this.#pid);
    await work();
    await sleep(SETTLE_MS);
    return (await workerdCpuMs(this.#pid)) - before;
  }
}

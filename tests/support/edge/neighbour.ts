/** Another network at an attacked edge, which measures how long its sites wait for a session. */
import { setTimeout as sleep } from "node:timers/promises";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";
import { RawSite, type RawUplink } from "../connector/raw-site.ts";
import type { Cluster, Edge } from "../process/cluster.ts";
import { testOffer } from "../traffic/flood.ts";

/** Bound on a session request while another network is flooded, on an idle machine, ms. */
const TARGET_MS = 250;
/**
 * On a busy machine: bound as a multiple of the time without a flood. On two idle cores a session takes 2.5 ms without
 * one, so the bound grows from TARGET_MS as the machine gets slower.
 */
const RATIO = 100;
const REQUESTS = 15;
/** Least duration of a measurement, ms. */
const MEASURED_MS = 1_500;
const PING_MS = 5_000;

export class Neighbour {
  readonly #asker: RawUplink;
  readonly #peer: { readonly site: string; readonly boot: string };
  readonly #pings: readonly NodeJS.Timeout[];
  #asked = 0;

  private constructor(asker: RawUplink, peer: RawSite, uplinks: readonly RawUplink[]) {
    this.#asker = asker;
    this.#peer = { site: peer.id, boot: peer.boot };
    this.#pings = uplinks.map((uplink) => setInterval(() => uplink.send(KEEPALIVE.ping), PING_MS));
  }

  /** Makes a network of two sites at an edge. One offers the service that the other requests. */
  static async join(cluster: Cluster, edge: Edge): Promise<Neighbour> {
    const token = await (await cluster.network(edge)).token({ uses: 2 });
    const east = await RawSite.join(edge, token, "east");
    const west = await RawSite.join(edge, token, "west");
    const asker = await west.connect();
    return new Neighbour(asker, east, [asker, await east.connect([testOffer("api")])]);
  }

  /** Measures the median wait for a session, ms. @throws Error when a session is refused */
  async measure(): Promise<number> {
    const times: number[] = [];
    for (let at = 0; at < REQUESTS; at++) {
      const began = performance.now();
      const id = ++this.#asked;
      this.#asker.send({ type: "session.request", id, service: "api", peer: this.#peer });
      const answer = await Promise.race([this.#asker.next("session.grant"), this.#asker.next("error")]);
      if (answer.type === "error" || answer.id !== id) throw new Error(JSON.stringify(answer));
      times.push(performance.now() - began);
      await sleep(MEASURED_MS / REQUESTS);
    }
    times.sort((left, right) => left - right);
    return times[Math.floor(times.length / 2)] ?? Number.POSITIVE_INFINITY;
  }

  /** Returns the bound on a session request during an attack, given the time at rest, ms. */
  static bound(rest: number): number {
    return Math.max(TARGET_MS, RATIO * rest);
  }

  close(): void {
    for (const ping of this.#pings) clearInterval(ping);
  }
}

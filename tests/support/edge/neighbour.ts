/** Another network at an edge that is attacked: what its sites wait for a session, and what they may wait. */
import { setTimeout as sleep } from "node:timers/promises";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";
import { RawSite, type RawUplink } from "../connector/raw-site.ts";
import type { Cluster, Edge } from "../process/cluster.ts";
import { testOffer } from "../traffic/flood.ts";

/** What a request may take while another network is flooded, ms, on a machine with nothing else to do. */
const TARGET_MS = 250;
/** On a busy machine: so many times what it takes without a flood. */
const RATIO = 20;
const REQUESTS = 15;
/** How long one measurement takes at least, ms. */
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

  /** Makes a network at an edge, of two sites; one offers what the other asks for. */
  static async join(cluster: Cluster, edge: Edge): Promise<Neighbour> {
    const token = await (await cluster.network(edge)).token({ uses: 2 });
    const east = await RawSite.join(edge, token, "east");
    const west = await RawSite.join(edge, token, "west");
    const asker = await west.connect();
    return new Neighbour(asker, east, [asker, await east.connect([testOffer("api")])]);
  }

  /** The middle of what the site waits for its sessions, ms. @throws Error when one is refused */
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

  /** What a session may take during an attack, ms, by what it took at rest. */
  static bound(rest: number): number {
    return Math.max(TARGET_MS, RATIO * rest);
  }

  close(): void {
    for (const ping of this.#pings) clearInterval(ping);
  }
}

/** The set-up of the chaos tests: an edge, two sites, and services at east that west reaches. */
import { afterAll, afterEach } from "vitest";
import {
  Cluster,
  type Connector,
  type ConnectorOptions,
  type Edge,
  type TestNetwork,
} from "../process/cluster.ts";
import { Peaks, workerdOf } from "../process/peaks.ts";
import { serveWeb, type WebServer } from "../traffic/requests.ts";
import { closeServers, type Place } from "../traffic/servers.ts";
import { CheckedServer } from "../traffic/streams.ts";

export interface Ground {
  readonly cluster: Cluster;
  readonly edge: Edge;
  readonly network: TestNetwork;
  readonly token: string;
  readonly west: Connector;
  readonly east: Connector;
  readonly server: CheckedServer;
  readonly web: WebServer;
  /** Listener of west for {@link Ground.server}. */
  readonly streams: Place;
  /** Listener of west for {@link Ground.web}. */
  readonly pages: Place;
  /** Starts to watch the memory of every process. */
  watch(): Peaks;
}

const grounds: Ground[] = [];

/** Further options of each side. The services are always exposed. */
export interface Sides {
  readonly west?: Partial<ConnectorOptions>;
  readonly east?: Partial<ConnectorOptions>;
}

/** Starts edge, sites and services, which end with the test file. Options may be a function of the edge. */
export async function lay(
  sides: Sides | ((cluster: Cluster, edge: Edge) => Promise<Sides>) = {},
): Promise<Ground> {
  const cluster = await Cluster.create();
  try {
    const [edge, server, web] = await Promise.all([cluster.edge(), CheckedServer.start(), serveWeb()]);
    const { west: inWest = {}, east: inEast = {} } =
      typeof sides === "function" ? await sides(cluster, edge) : sides;
    const network = await cluster.network(edge);
    const token = await network.token({ uses: 10 });
    const [east, west] = await Promise.all([
      cluster.connector({ site: "east", token, expose: [`bytes=${server.at}`, `web=${web.at}`], ...inEast }),
      cluster.connector({ site: "west", token, bind: "127.2.0.0/16", ...inWest }),
    ]);
    const [streams, pages] = [await west.listener("bytes"), await west.listener("web")];
    const watch = () =>
      new Peaks({
        west: () => [west.process.pid],
        east: () => [east.process.pid],
        edge: () => [edge.process.pid],
        workerd: () => workerdOf(edge),
      });
    const ground = { cluster, edge, network, token, west, east, server, web, streams, pages, watch };
    grounds.push(ground);
    return ground;
  } catch (error) {
    console.error(cluster.logs());
    await cluster.close();
    throw error;
  }
}

/** Registers the hooks of a test file: logs of failed tests, and the end of every process. */
export function clearUp(): void {
  afterEach(({ task }) => {
    if (task.result?.state !== "fail") return;
    for (const { cluster } of grounds) console.error(`${task.name}\n${cluster.logs()}`);
  });
  afterAll(async () => {
    await closeServers();
    for (const { cluster, web, west, east } of grounds.splice(0)) {
      // kill -9, because an orderly end would need paths that may be broken.
      await Promise.all([west.kill9(), east.kill9(), web.close()]);
      await cluster.close();
    }
  });
}

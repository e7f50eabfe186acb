/** Two sites of a new network: east offers the service "echo", and west has its clients. */
import type { Cluster, Connector, Edge, TestNetwork } from "../process/cluster.ts";
import { echo, type Place, serve, type TestServer } from "../traffic/servers.ts";

export interface EchoPair {
  readonly network: TestNetwork;
  /** Path of the token file with which both sites joined. */
  readonly token: string;
  readonly server: TestServer;
  readonly east: Connector;
  readonly west: Connector;
  /** Listener of west for the service. */
  readonly place: Place;
}

/**
 * Starts both sites at an edge.
 * @param uses uses of the token, above two for further sites
 * @param args further arguments of both connectors
 */
export async function startEchoPair(
  { cluster, edge }: { readonly cluster: Cluster; readonly edge: Edge },
  { uses = 2, args = [] }: { readonly uses?: number; readonly args?: readonly string[] } = {},
): Promise<EchoPair> {
  const network = await cluster.network(edge);
  const token = await network.token({ uses });
  const server = await serve(echo);
  const [east, west] = await Promise.all([
    cluster.connector({ site: "east", token, expose: [`echo=${server.at}`], args }),
    cluster.connector({ site: "west", token, bind: "127.2.0.0/16", args }),
  ]);
  return { network, token, server, east, west, place: await west.listener("echo") };
}

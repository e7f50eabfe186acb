/** The scene of an attack: an edge as a process, a network, honest connectors, and members that attack. */
import { RawConnector } from "../support/connector/raw-connector.ts";
import { Neighbour } from "../support/edge/neighbour.ts";
import type {
  Cluster,
  Connector,
  ConnectorOptions,
  Edge,
  EdgeOptions,
  TestNetwork,
} from "../support/process/cluster.ts";

export interface SceneOptions {
  readonly edge?: EdgeOptions;
}

export class Scene {
  readonly cluster: Cluster;
  readonly edge: Edge;
  readonly network: TestNetwork;

  private constructor(cluster: Cluster, edge: Edge, network: TestNetwork) {
    this.cluster = cluster;
    this.edge = edge;
    this.network = network;
  }

  static async open(cluster: Cluster, options: SceneOptions = {}): Promise<Scene> {
    const edge = await cluster.edge(options.edge);
    return new Scene(cluster, edge, await cluster.network(edge));
  }

  /** Starts a site whose connector is a real process. Resolves once it is up. */
  async honest(
    site: string,
    options: Omit<ConnectorOptions, "site" | "token"> = {},
    network: TestNetwork = this.network,
  ): Promise<Connector> {
    const token = await network.token();
    return await this.cluster.connector({ args: ["--drain", "0s"], ...options, site, token });
  }

  /** Joins a member whose messages the script writes itself. */
  async attacker(site: string, network: TestNetwork = this.network): Promise<RawConnector> {
    return await RawConnector.join(this.edge, await network.token(), site);
  }

  /** Runs an attack beside another network of the same edge, whose uplinks are closed at the end. */
  async besideNeighbour<T>(attack: (neighbour: Neighbour) => Promise<T>): Promise<T> {
    const neighbour = await Neighbour.join(this.cluster, this.edge);
    try {
      return await attack(neighbour);
    } finally {
      neighbour.close();
    }
  }
}

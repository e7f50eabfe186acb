import type { Config } from "../../config.ts";

/** The part of the deployment's configuration that a registry uses. */
export type RegistrySettings = Pick<
  Config,
  "deploymentCa" | "deploymentCaKey" | "apiUrl" | "gatewayUrl" | "former" | "lanePort"
>;

/** The doors of the deployment, as a registry uses them. A door is named by its network and hostname. */
export interface Doors {
  /** Ends the sessions of a door with a site, or all of them where `site` is null. */
  close(network: string, hostname: string, site: string | null): Promise<void>;
  /** Ends the WebSockets that clients of a door have with targets of a site. */
  cutSockets(network: string, hostname: string, site: string): Promise<void>;
}

/** The routers of the deployment, as a registry uses them. */
export interface Routers {
  /** Ends every lane that the named router joins. Rejects if the router cannot be reached. */
  cut(name: string): Promise<void>;
}

/** The objects of traffic of the deployment, as a registry uses them. An object is named by its network. */
export interface TelemetryObjects {
  /** Ends the telemetry connections of a site. */
  removeSite(network: string, site: string): Promise<void>;
  /** Deletes what the object keeps, and ends its connections. */
  destroy(network: string): Promise<void>;
}

import type { Config } from "../../config.ts";

/** What a registry takes from the configuration of its deployment. */
export type RegistrySettings = Pick<
  Config,
  "deploymentCa" | "deploymentCaKey" | "apiUrl" | "gatewayUrl" | "lanePort"
>;

/** The routers of the deployment, as a registry uses them. */
export interface Routers {
  /** Ends every lane that the router of this name joins. Rejects when the router could not be reached. */
  cut(name: string): Promise<void>;
}

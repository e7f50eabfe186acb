import type { Config } from "../../config.ts";

/** The part of the deployment's configuration that a registry uses. */
export type RegistrySettings = Pick<
  Config,
  "deploymentCa" | "deploymentCaKey" | "apiUrl" | "gatewayUrl" | "former" | "lanePort"
>;

/** The routers of the deployment, as a registry uses them. */
export interface Routers {
  /** Ends every lane that the named router joins. Rejects if the router cannot be reached. */
  cut(name: string): Promise<void>;
}

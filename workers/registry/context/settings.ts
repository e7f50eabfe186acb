/** What a registry takes from the configuration of its deployment. */
export interface RegistrySettings {
  /** Deployment CA, PEM. */
  readonly deploymentCa: string;
  /** Private key of the deployment CA, PKCS #8 PEM. */
  readonly deploymentCaKey: string;
  /** Address of the API, and the audience of assertions. */
  readonly apiUrl: string;
  /** Address where connectors dial uplinks and lanes. */
  readonly gatewayUrl: string;
  /** Port at the gateway's host where workerd itself accepts lanes; null when lanes are dialled at the gateway. */
  readonly lanePort: number | null;
}

/** The deployment's variables that hold these settings. */
export interface SettingsVariables {
  readonly DEPLOYMENT_CA: string;
  readonly DEPLOYMENT_CA_KEY: string;
  readonly API_URL: string;
  readonly GATEWAY_URL: string;
  readonly LANES_PORT?: string;
}

export function settingsOf(variables: SettingsVariables): RegistrySettings {
  const { LANES_PORT } = variables;
  return {
    deploymentCa: variables.DEPLOYMENT_CA,
    deploymentCaKey: variables.DEPLOYMENT_CA_KEY,
    apiUrl: variables.API_URL,
    gatewayUrl: variables.GATEWAY_URL,
    lanePort: LANES_PORT === undefined ? null : Number(LANES_PORT),
  };
}

/** The routers of the deployment, as a registry uses them. */
export interface Routers {
  /** Ends every lane that the router of this name joins. Rejects when the router could not be reached. */
  cut(name: string): Promise<void>;
}

/** Opens the state of a site in the cluster that the options of a connector name. */
import { hostname } from "node:os";
import type { FairleadError } from "../../protocol/errors.ts";
import type { KubernetesConfig } from "../config/kubernetes-options.ts";
import type { Log } from "../log.ts";
import type { SharedState } from "../state/shared-state.ts";
import { ApiClient } from "./api/api-client.ts";
import { KINDS } from "./api/kinds.ts";
import { EventSender, NO_EVENTS } from "./cluster/event-recorder.ts";
import { RefusedRights, rightText } from "./cluster/refused-rights.ts";
import { locateCluster, namespaceOf } from "./open-kubernetes.ts";
import { openSecretState, type SecretStateOptions } from "./state/secret-state.ts";

export interface OpenStateOptions
  extends Pick<SecretStateOptions, "files" | "siteOf" | "check" | "directory"> {
  readonly config: KubernetesConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** Ends the wait for the API server. */
  readonly signal: AbortSignal;
}

/** The state of a site whose connectors share it. */
export interface ClusterState {
  readonly state: SharedState;
  /** Records that the site cannot join with its token. */
  tokenRefused(error: FairleadError): void;
  close(): Promise<void>;
}

/**
 * Opens the state, once the API server answers. Null if the signal aborted first.
 * @throws FairleadError kubernetes.not_in_cluster, kubernetes.kubeconfig_invalid, file.unreadable
 */
export async function openState(options: OpenStateOptions): Promise<ClusterState | null> {
  const { config, environment, signal } = options;
  const location = await locateCluster(config, environment);
  const namespace = namespaceOf(config, location);
  const client = new ApiClient(location.address, location.tokens);
  const sender = config.events ? senderOf(client, options) : undefined;
  const events = sender ?? NO_EVENTS;
  const stop = new AbortController();
  const close = async () => {
    stop.abort();
    await sender?.close();
    await client.close();
  };
  const cancel = () => stop.abort();
  signal.addEventListener("abort", cancel);
  const { name } = config;
  const state = await openSecretState({ ...options, client, events, namespace, name, signal: stop.signal });
  signal.removeEventListener("abort", cancel);
  if (state === null) {
    await close();
    return null;
  }
  const token = { kind: KINDS.secrets, namespace, name: `${name}-token` };
  return {
    state,
    tokenRefused: ({ message, action }) =>
      events.record({
        ...{ about: token, type: "Warning", reason: "TokenRefused", action: "Join" },
        note: `The site cannot join: ${message} ${action} The connector waits for another token.`,
      }),
    close: async () => {
      // A change that waits for the API server is in the directory, or in what the registry gives again.
      await state.close();
      await close();
    },
  };
}

/** The site has no id before it joins, so that these Events have none. */
function senderOf(client: ApiClient, { environment, log }: OpenStateOptions): EventSender {
  return new EventSender({
    client,
    reporter: { siteId: "", instance: environment.POD_NAME || hostname() },
    rights: new RefusedRights(
      (right) => log.debug({ ...right }, `The connector's account may not ${rightText(right)}.`),
      () => undefined,
    ),
    ...{ now: () => performance.now(), random: Math.random, log },
  });
}

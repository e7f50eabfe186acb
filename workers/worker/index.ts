/**
 * The entry point of the Worker. The default entrypoint serves the API. Requests reach the gateway in one of
 * two ways: on workerd, by the entrypoint `Gateway`, to which only sockets that require a client certificate
 * lead; on Cloudflare, at the hostname GATEWAY_HOSTNAME. Without that hostname, no request to the API can
 * reach the gateway. Requests to doors come by the entrypoint `PublicDoor` on workerd, and on Cloudflare at every
 * hostname that is neither the gateway's nor the API's. The entrypoint `LoopbackConsole` serves the console and the API on
 * workerd, for a listener that only this machine reaches.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { FairleadError } from "../../protocol/errors.ts";
import { createApi } from "../api/app.ts";
import type { Api } from "../api/context.ts";
import { IdentityTokens } from "../auth/identity-tokens.ts";
import { SignInProvider } from "../auth/sign-in-provider.ts";
import { type Config, type Env, readConfig } from "../config.ts";
import { ConsoleAssets } from "../console/assets.ts";
import type { Listener } from "../console/listener.ts";
import { isLoopbackName } from "../console/origin.ts";
import { serveConsole } from "../console/serve-console.ts";
import { HostnameCache } from "../door/hostname-cache.ts";
import { type DoorState, serveDoor } from "../door/serve-door.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { Bans } from "../gateway/bans.ts";
import { type GatewayState, serveGateway } from "../gateway/gateway.ts";
import { KnownNetworks } from "../gateway/known-networks.ts";
import { proofFromPlatform, proofFromSocket } from "../gateway/tls-proof.ts";
import { limits } from "./isolate-limits.ts";

export { Console } from "../console/console.ts";
export { Directory } from "../directory/directory.ts";
export { Door } from "../door/door.ts";
export { DoorSocket } from "../door/door-socket.ts";
export { Registry } from "../registry/registry.ts";
export { Router } from "../router/router.ts";
export { Telemetry } from "../telemetry/telemetry.ts";

const identityTokens = new IdentityTokens();
const signIn = new SignInProvider(identityTokens);
const api = createApi(limits, identityTokens);
/** Made for the first request, since most edges have none. */
let loopbackApi: Api | undefined;
const assets = new ConsoleAssets();
const doors: DoorState = {
  limits,
  identityTokens,
  signIn,
  hostnames: new HostnameCache(),
};
const gateway: GatewayState = { limits, known: new KnownNetworks(), bans: new Bans() };

/** Serves with the configuration; responds with an error when the configuration is wrong. */
async function configured(env: Env, serve: (config: Config) => Response | Promise<Response>) {
  let config: Config;
  try {
    config = readConfig(env);
  } catch (thrown) {
    const requestId = crypto.randomUUID();
    return errorResponse(publicError(thrown, requestId), requestId);
  }
  return await serve(config);
}

export class Gateway extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Promise<Response> {
    const prove = () => proofFromSocket(this.ctx.props, request.cf);
    return configured(this.env, (config) =>
      serveGateway(request, config, gateway, prove, (work) => this.ctx.waitUntil(work)),
    );
  }
}

export class PublicDoor extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Promise<Response> {
    return configured(this.env, (config) => serveDoor(request, config, doors));
  }
}

export class LoopbackConsole extends WorkerEntrypoint<Env> {
  override fetch(request: Request): Promise<Response> {
    return configured(this.env, (config) => {
      if (!isLoopbackName(new URL(request.url))) {
        return errorResponse(new FairleadError("console.wrong_host"));
      }
      loopbackApi ??= createApi(limits, identityTokens, "loopback");
      return serveHost(request, config, {
        api: loopbackApi,
        listener: "loopback",
        env: this.env,
        ctx: this.ctx,
      });
    });
  }
}

/** Serves the console and the API. */
async function serveHost(
  request: Request,
  config: Config,
  { api, listener, env, ctx }: { api: Api; listener: Listener; env: Env; ctx: ExecutionContext },
): Promise<Response> {
  const options = { config, listener, assets, provider: signIn, limits };
  return (await serveConsole(request, options)) ?? (await api.fetch(request, env, ctx));
}

export default {
  fetch(request, env, ctx) {
    return configured(env, (config) => {
      const { hostname } = new URL(request.url);
      if (hostname !== config.gatewayHostname) {
        const isDoor = config.gatewayHostname !== null && hostname !== new URL(config.apiUrl).hostname;
        return isDoor
          ? serveDoor(request, config, doors)
          : serveHost(request, config, { api, listener: "public", env, ctx });
      }
      const prove = () => proofFromPlatform(request.cf);
      return serveGateway(request, config, gateway, prove, (work) => ctx.waitUntil(work));
    });
  },
} satisfies ExportedHandler<Env>;

/**
 * Serves a request that came in by a hostname of a door: finds the network and the service, verifies the caller, and
 * hands the request to the object of the door. No object is addressed by a name from outside before the directory has
 * granted the hostname and a connector publishes a service by it.
 */
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { clientAddress } from "../../protocol/front/client-address.ts";
import { Hostname } from "../../protocol/hostnames.ts";
import type { IdentityTokens } from "../auth/identity-tokens.ts";
import type { SignInProvider } from "../auth/sign-in-provider.ts";
import { VERIFIED_DOOR_TICKET_HEADER } from "../authority/door-ticket.ts";
import type { Config } from "../config.ts";
import { openDirectory } from "../directory/facade.ts";
import { publicError } from "../error-response.ts";
import { clientOf } from "../limits/client.ts";
import type { Limits } from "../limits/limits.ts";
import { unwrap } from "../result.ts";
import { authorizeRequest, type DoorCaller } from "./door-access.ts";
import { DOOR_REQUEST_HEADER, DOOR_SOCKET_HEADER, type DoorRequest, DoorSocketEnd } from "./door-request.ts";
import type { HostnameCache } from "./hostname-cache.ts";
import { openRegistryOf, type PublishedHostname } from "./registry-calls.ts";
import { doorError } from "./response.ts";
import { offerSignIn, serveOwnPath } from "./sign-in.ts";
import { openDoor, openDoorSockets } from "./stub.ts";

/** The state of the doors in an isolate. */
export interface DoorState {
  readonly limits: Limits;
  readonly identityTokens: IdentityTokens;
  readonly signIn: SignInProvider;
  readonly hostnames: HostnameCache;
}

/** Headers that only the Worker may set. */
const INTERNAL_HEADERS = [DOOR_REQUEST_HEADER, DOOR_SOCKET_HEADER, VERIFIED_DOOR_TICKET_HEADER];

const Platform = z.object({ clientIp: z.string().optional(), httpProtocol: z.string().optional() });

export async function serveDoor(request: Request, config: Config, state: DoorState): Promise<Response> {
  try {
    return await serve(request, config, state);
  } catch (thrown) {
    return doorError(publicError(thrown, "door"));
  }
}

async function serve(request: Request, config: Config, state: DoorState): Promise<Response> {
  const now = Date.now();
  const client = clientOf(request);
  const { protocol, host, hostname: named } = new URL(request.url);
  const { network, hostname, published } = await find(named, client, { config, state, now });
  const { service, access } = published;
  const { limits, identityTokens, signIn } = state;
  const door = { network, hostname, access };
  const options = { config, limits, identityTokens, provider: signIn, client, now };
  const own = await serveOwnPath(request, door, options);
  if (own !== null) return own;
  let admitted: DoorCaller;
  try {
    admitted = await authorizeRequest(request.headers, door, options);
  } catch (thrown) {
    if (!(thrown instanceof FairleadError) || thrown.code !== "door.unauthorized") throw thrown;
    const offered = await offerSignIn(request, door, options);
    if (offered !== null) return offered;
    throw thrown;
  }
  const { caller, ownAuthorization } = admitted;
  const platform = Platform.safeParse(request.cf).data ?? {};
  const facts: DoorRequest = {
    ...{ network, hostname, service, access, caller, ownAuthorization, authority: host },
    translatesGrpc: published.protocol === "http2",
    client: addressOf(request, platform.clientIp),
    scheme: protocol === "http:" ? "http" : "https",
    version: /^HTTP\/([\d.]+)$/.exec(platform.httpProtocol ?? "")?.[1] ?? "1.1",
  };
  const object = openDoor(config.objects.door, network, hostname);
  const response = await object.fetch(withHeader(request, DOOR_REQUEST_HEADER, facts));
  const end = response.headers.get(DOOR_SOCKET_HEADER);
  if (end === null) return response;
  const joined: DoorSocketEnd = DoorSocketEnd.parse(JSON.parse(end));
  const sockets = openDoorSockets(config.objects.doorSocket, network, hostname, joined.site);
  return await sockets.fetch(withHeader(request, DOOR_SOCKET_HEADER, joined));
}

/**
 * Finds what a hostname leads to.
 * @throws FairleadError door.unknown_host, door.unavailable, door.limited
 */
async function find(
  named: string,
  client: string,
  { config, state, now }: { config: Config; state: DoorState; now: number },
): Promise<{ network: string; hostname: string; published: PublishedHostname }> {
  const hostname = Hostname.safeParse(named.toLowerCase()).data;
  const { limits, hostnames } = state;
  const network =
    hostname === undefined
      ? null
      : await hostnames.network(hostname, now, () =>
          openDirectory(config.objects.directory).networkOfHostname(hostname),
        );
  if (hostname === undefined || network === null) {
    const wait = limits.doors.failed(client, null, now);
    if (wait > 0) throw new FairleadError("door.limited", undefined, { retryAfterMs: wait });
    throw new FairleadError("door.unknown_host");
  }
  const published = await hostnames.published(`${network}:${hostname}`, now, async () => {
    const found = await openRegistryOf(config.objects.registry, network).publishedBy(hostname);
    // The network is about to be deleted, or its registry to be restored.
    return !found.ok && found.error.code === "network.unknown" ? null : unwrap(found);
  });
  if (published === null) throw new FairleadError("door.unavailable");
  return { network, hostname, published };
}

/** The client's address, without a port. */
function addressOf(request: Request, reported: string | undefined): string {
  return clientAddress(reported ?? request.headers.get("cf-connecting-ip") ?? "unknown");
}

/** The request with an internal header. The client's internal headers are removed. */
function withHeader(request: Request, header: string, value: DoorRequest | DoorSocketEnd): Request {
  const headers = new Headers(request.headers);
  for (const name of INTERNAL_HEADERS) headers.delete(name);
  headers.set(header, JSON.stringify(value));
  return new Request(request, { headers });
}

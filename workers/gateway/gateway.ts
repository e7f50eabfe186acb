/**
 * The gateway: authenticates upgrade requests for uplinks, lanes and telemetry connections, and forwards each to its
 * registry, router or object of traffic. A header that only this file sets carries the verified identity or ticket. There is no middleware,
 * since the headers of a 101 response are immutable.
 */
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { encodeHex } from "../../protocol/encoding.ts";
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { siteUri } from "../../protocol/names.ts";
import { TELEMETRY_PATH } from "../../protocol/telemetry/messages.ts";
import { LANE_PATH, type Purpose, TICKET_HEADER, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import {
  type DoorTicket,
  isDoorTicket,
  VERIFIED_DOOR_TICKET_HEADER,
  verifyDoorTicket,
} from "../authority/door-ticket.ts";
import { IDENTITY_HEADER, type Identity, siteOfAssertion, verifyAssertion } from "../authority/identity.ts";
import { type Ticket, VERIFIED_TICKET_HEADER, verifyTicket } from "../authority/ticket.ts";
import type { Config } from "../config.ts";
import { openDirectory } from "../directory/facade.ts";
import { openDoor, openDoorSockets } from "../door/stub.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { clientOf } from "../limits/client.ts";
import type { Limits } from "../limits/limits.ts";
import { openRegistry } from "../registry/stub.ts";
import { unwrap } from "../result.ts";
import { routerName } from "../router/router-name.ts";
import { openRouter } from "../router/stub.ts";
import { openTelemetry } from "../telemetry/stub.ts";
import { CONNECTOR_HEADER, type VerifiedConnector } from "../telemetry/verified.ts";
import { type Bans, claimedSite } from "./bans.ts";
import type { KnownNetworks } from "./known-networks.ts";
import type { TlsProof } from "./tls-proof.ts";

/** The gateway's state in an isolate. */
export interface GatewayState {
  readonly limits: Limits;
  readonly known: KnownNetworks;
  readonly bans: Bans;
}

/** An upgrade request, and what its handling needs. */
interface Upgrade {
  readonly request: Request;
  readonly config: Config;
  readonly state: GatewayState;
  /** ms since 1970 */
  readonly now: number;
  /** Keeps work alive after the response (`ctx.waitUntil`). */
  readonly later: (work: Promise<unknown>) => void;
}

/** Headers that only the Worker may set. */
const INTERNAL_HEADERS = [
  IDENTITY_HEADER,
  VERIFIED_TICKET_HEADER,
  VERIFIED_DOOR_TICKET_HEADER,
  CONNECTOR_HEADER,
];

/** The purpose of the assertion for each path. */
const PURPOSES = new Map<string, Purpose>([
  [UPLINK_PATH, "uplink"],
  [LANE_PATH, "lane"],
  [TELEMETRY_PATH, "telemetry"],
]);

/**
 * Serves a request at the gateway.
 * @param prove returns what TLS proved, or throws certificate.required
 * @param later keeps work alive after the response (`ctx.waitUntil`)
 */
export async function serveGateway(
  request: Request,
  config: Config,
  state: GatewayState,
  prove: () => TlsProof,
  later: (work: Promise<unknown>) => void,
): Promise<Response> {
  const requestId = crypto.randomUUID();
  try {
    return await route({ request, config, state, later, now: Date.now() }, prove);
  } catch (thrown) {
    return errorResponse(publicError(thrown, requestId), requestId);
  }
}

async function route(upgrade: Upgrade, prove: () => TlsProof): Promise<Response> {
  const { pathname } = new URL(upgrade.request.url);
  const purpose = PURPOSES.get(pathname);
  if (purpose === undefined) throw new FairleadError("route.unknown");
  if (
    upgrade.request.method !== "GET" ||
    upgrade.request.headers.get("upgrade")?.toLowerCase() !== "websocket"
  ) {
    const error = new FairleadError("request.invalid", "This path accepts WebSocket upgrades only.", {
      action: "Leave this address to connectors: it is the gateway, and the API has an address of its own.",
    });
    return refuse(error, { status: 426, headers: { upgrade: "websocket" } });
  }
  const client = clientOf(upgrade.request);
  const { proofs } = upgrade.state.limits;
  let credential: string | null = null;
  const limited = (wait: number) =>
    refuse(new FairleadError("request.limited"), {
      headers: { "retry-after": String(Math.ceil(wait / 1000)) },
    });
  try {
    const proof = prove();
    credential = proof.certificate && (await fingerprint(proof.certificate));
    const wait = proofs.admit(client, credential, upgrade.now);
    if (wait > 0) return limited(wait);
    const response = await open(upgrade, await authenticate(upgrade, proof, purpose), purpose);
    proofs.succeeded(credential, upgrade.now);
    return response;
  } catch (thrown) {
    const wait = proofs.failed(client, credential, upgrade.now);
    if (wait > 0) return limited(wait);
    throw thrown;
  }
}

function open(upgrade: Upgrade, identity: Identity, purpose: Purpose): Promise<Response> {
  if (purpose === "uplink") return openUplink(upgrade, identity);
  return purpose === "lane" ? openLane(upgrade, identity) : openTelemetryConnection(upgrade, identity);
}

/**
 * SHA-256 of a proven certificate, hex. It has a limit of its own, which clients at the same address cannot
 * use up.
 */
async function fingerprint(certificate: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(certificate))));
}

/** The response for an error, with more headers or another status than the table of errors has. */
function refuse(error: FairleadError, extra: { status?: number; headers: Record<string, string> }): Response {
  const response = errorResponse(error);
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(extra.headers)) headers.set(name, value);
  return new Response(response.body, { status: extra.status ?? response.status, headers });
}

/** Verifies the connector's identity, and that its network exists. */
async function authenticate(upgrade: Upgrade, proof: TlsProof, purpose: Purpose): Promise<Identity> {
  const { request, config, now } = upgrade;
  // An uplink or a telemetry connection speaks for its site, so the assertion, which travels in a header, is not enough
  // without the certificate. A lane has a ticket besides.
  if (purpose !== "lane" && proof.certificate === null) throw new FairleadError("certificate.required");
  const jwt = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (jwt === undefined) throw new FairleadError("assertion.missing");
  if (purpose === "uplink") checkBan(upgrade, jwt);
  let identity: Identity;
  try {
    identity = await verifyAssertion(jwt, {
      purpose,
      audiences: config.audiences,
      deploymentCa: config.deploymentCa,
      now,
      tlsCertificate: proof.certificate ?? undefined,
    });
  } catch (thrown) {
    // A refusal of a site of this deployment is logged in its network.
    const site = await siteOfAssertion(jwt, { deploymentCa: config.deploymentCa, now });
    if (site !== null && (await networkExists(upgrade, site.networkId))) logRefusal(upgrade, site, thrown);
    throw thrown;
  }
  if (!(await networkExists(upgrade, identity.networkId))) throw new FairleadError("network.unknown");
  return identity;
}

/**
 * Refuses a site that its registry has banned, before anything is verified.
 * @throws FairleadError uplink.limited
 */
function checkBan({ state, now }: Upgrade, jwt: string): void {
  const site = claimedSite(jwt);
  const retryAfterMs = site === null ? 0 : state.bans.left(site, now);
  if (retryAfterMs > 0) throw new FairleadError("uplink.limited", undefined, { retryAfterMs });
}

function networkExists({ config, state, now }: Upgrade, id: string): Promise<boolean> {
  const lookUp = async () => (await openDirectory(config.objects.directory).findNetwork(id))?.id === id;
  return state.known.has(id, now, lookUp);
}

async function openUplink(upgrade: Upgrade, identity: Identity): Promise<Response> {
  try {
    const registry = openRegistry(upgrade.config.objects.registry, identity.networkId);
    return await upgraded(await registry.fetch(withVerified(upgrade.request, IDENTITY_HEADER, identity)));
  } catch (thrown) {
    const { networkId, siteId } = identity;
    if (thrown instanceof FairleadError && thrown.retryAfterMs !== undefined) {
      upgrade.state.bans.note(siteUri(networkId, siteId), upgrade.now, thrown.retryAfterMs);
    }
    logRefusal(upgrade, identity, thrown);
    throw thrown;
  }
}

/**
 * The response of an object. A refusal is thrown, so that it is counted and logged like a refusal of the
 * Worker.
 */
async function upgraded(response: Response): Promise<Response> {
  if (response.status === 101) return response;
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? seconds * 1000 : undefined;
  throw fromErrorBody(ErrorResponse.parse(await response.json()).error, "edge.internal", { retryAfterMs });
}

async function openLane(upgrade: Upgrade, identity: Identity): Promise<Response> {
  const { request, config } = upgrade;
  try {
    const text = request.headers.get(TICKET_HEADER);
    if (text !== null && isDoorTicket(text)) return await openDoorLane(upgrade, identity, text);
    const ticket = await readTicket(upgrade, identity);
    const registry = openRegistry(config.objects.registry, identity.networkId);
    unwrap(await registry.authorizeLane(identity, ticket));
    const router = openRouter(config.objects.router, routerName(ticket.network, ticket.site, ticket.peer));
    const response = await upgraded(
      await router.fetch(withVerified(request, VERIFIED_TICKET_HEADER, ticket)),
    );
    // The pair may have been cut in the meantime. A lane that reached the router after the cut must not stay.
    const permitted = await registry.authorizeLane(identity, ticket);
    if (permitted.ok) return response;
    response.webSocket?.accept();
    response.webSocket?.close(1000);
    throw fromErrorBody(permitted.error, "edge.internal");
  } catch (thrown) {
    logRefusal(upgrade, identity, thrown);
    throw thrown;
  }
}

/** Opens the lane of a door's session, or the connector's end of a client's WebSocket. */
async function openDoorLane(upgrade: Upgrade, identity: Identity, text: string): Promise<Response> {
  const { request, config, now } = upgrade;
  const { deploymentCaKey, objects } = config;
  const ticket = await verifyDoorTicket(text, { deploymentCaKey, now });
  const { network, hostname, site, boot } = ticket;
  if (network !== identity.networkId || site !== identity.siteId || boot !== identity.boot) {
    throw new FairleadError("ticket.wrong_site");
  }
  const registry = openRegistry(objects.registry, network);
  unwrap(await registry.authorizeDoor(identity, ticket));
  const object =
    ticket.purpose === "lane"
      ? openDoor(objects.door, network, hostname)
      : openDoorSockets(objects.doorSocket, network, hostname, site);
  const response = await upgraded(
    await object.fetch(withVerified(request, VERIFIED_DOOR_TICKET_HEADER, ticket)),
  );
  // As for other lanes: the site may have been revoked in the meantime.
  const permitted = await registry.authorizeDoor(identity, ticket);
  if (permitted.ok) return response;
  response.webSocket?.accept();
  response.webSocket?.close(1000);
  throw fromErrorBody(permitted.error, "edge.internal");
}

/** Opens a telemetry connection. The registry says once whether the site is a member. */
async function openTelemetryConnection(upgrade: Upgrade, identity: Identity): Promise<Response> {
  const { request, config } = upgrade;
  const { networkId, siteId: site, boot } = identity;
  try {
    const registry = openRegistry(config.objects.registry, networkId);
    const { name } = unwrap(await registry.authorizeTelemetry(identity));
    const verified: VerifiedConnector = { site, name, boot };
    const telemetry = openTelemetry(config.objects.telemetry, networkId);
    return await upgraded(await telemetry.fetch(withVerified(request, CONNECTOR_HEADER, verified)));
  } catch (thrown) {
    logRefusal(upgrade, identity, thrown);
    throw thrown;
  }
}

async function readTicket({ request, config, now }: Upgrade, identity: Identity): Promise<Ticket> {
  const text = request.headers.get(TICKET_HEADER);
  if (text === null) throw new FairleadError("ticket.missing");
  const ticket = await verifyTicket(text, { deploymentCaKey: config.deploymentCaKey, now });
  const belongs =
    ticket.network === identity.networkId && ticket.site === identity.siteId && ticket.boot === identity.boot;
  if (!belongs) throw new FairleadError("ticket.wrong_site");
  return ticket;
}

/**
 * The request with a verified identity or ticket in an internal header. The client's internal headers are
 * removed.
 */
function withVerified(
  request: Request,
  header: string,
  verified: Identity | Ticket | DoorTicket | VerifiedConnector,
): Request {
  const headers = new Headers(request.headers);
  for (const name of INTERNAL_HEADERS) headers.delete(name);
  headers.set(header, JSON.stringify(verified));
  return new Request(request, { headers });
}

/** Logs a refusal in the events of an existing network, at a rate that cannot fill the log. */
function logRefusal(upgrade: Upgrade, site: { networkId: string; siteId: string }, thrown: unknown): void {
  if (!(thrown instanceof FairleadError)) return;
  if (upgrade.state.limits.notes.take(site.networkId, upgrade.now) > 0) return;
  const { code, message: text } = thrown;
  const registry = openRegistry(upgrade.config.objects.registry, site.networkId);
  upgrade.later(Promise.resolve(registry.noteRefusal({ siteId: site.siteId, code, text })));
}

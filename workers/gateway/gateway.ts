/**
 * Uplinks and lanes. Authenticates an upgrade request and hands it to the object it is for, with what was
 * verified in a header that only this file sets. Plain functions: nothing may touch the headers of a 101.
 */
import { ErrorAnswer } from "../../protocol/api/envelope.ts";
import { encodeHex } from "../../protocol/encoding.ts";
import { FairleadError, fromErrorBody } from "../../protocol/errors.ts";
import { siteUri } from "../../protocol/names.ts";
import { LANE_PATH, type Purpose, TICKET_HEADER, UPLINK_PATH } from "../../protocol/uplink/assertions.ts";
import { IDENTITY_HEADER, type Identity, siteOfAssertion, verifyAssertion } from "../authority/identity.ts";
import { type Ticket, VERIFIED_TICKET_HEADER, verifyTicket } from "../authority/ticket.ts";
import type { Config } from "../config.ts";
import { openDirectory } from "../directory/facade.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { clientOf } from "../limits/client.ts";
import type { Limits } from "../limits/limits.ts";
import { openRegistry } from "../registry/stub.ts";
import { unwrap } from "../result.ts";
import { routerName } from "../router/router-name.ts";
import { openRouter } from "../router/stub.ts";
import { type Bans, claimedSite } from "./bans.ts";
import type { KnownNetworks } from "./known-networks.ts";
import type { TlsProof } from "./tls-proof.ts";

/** What the gateway keeps in an isolate. */
export interface GatewayState {
  readonly limits: Limits;
  readonly known: KnownNetworks;
  readonly bans: Bans;
}

/** What a request may use. */
interface Visit {
  readonly request: Request;
  readonly config: Config;
  readonly state: GatewayState;
  readonly now: number;
  readonly later: (work: Promise<unknown>) => void;
}

/** Headers that only the Worker sets. */
const INTERNAL_HEADERS = [IDENTITY_HEADER, VERIFIED_TICKET_HEADER];

/**
 * Answers a request on the gateway.
 * @param prove says what TLS proved, or throws certificate.required
 * @param later keeps work alive after the answer (`ctx.waitUntil`)
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

async function route(visit: Visit, prove: () => TlsProof): Promise<Response> {
  const { pathname } = new URL(visit.request.url);
  if (pathname !== UPLINK_PATH && pathname !== LANE_PATH) throw new FairleadError("route.unknown");
  if (visit.request.method !== "GET" || visit.request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    const error = new FairleadError("request.invalid", "This path takes WebSocket upgrades only.");
    return refuse(error, { status: 426, headers: { upgrade: "websocket" } });
  }
  const client = clientOf(visit.request);
  const { proofs } = visit.state.limits;
  let credential: string | null = null;
  const limited = (wait: number) =>
    refuse(new FairleadError("request.limited"), {
      headers: { "retry-after": String(Math.ceil(wait / 1000)) },
    });
  try {
    const proof = prove();
    credential = proof.certificate && (await fingerprint(proof.certificate));
    const wait = proofs.admit(client, credential, visit.now);
    if (wait > 0) return limited(wait);
    const answer =
      pathname === UPLINK_PATH
        ? await openUplink(visit, await authenticate(visit, proof, "uplink"))
        : await openLane(visit, await authenticate(visit, proof, "lane"));
    proofs.succeeded(credential, visit.now);
    return answer;
  } catch (thrown) {
    const wait = proofs.failed(client, credential, visit.now);
    if (wait > 0) return limited(wait);
    throw thrown;
  }
}

/** SHA-256 of a certificate, whose key the client proved to hold: what a neighbour cannot spend. */
async function fingerprint(certificate: Uint8Array): Promise<string> {
  return encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(certificate))));
}

/** An error's response, with something besides what the table says. */
function refuse(error: FairleadError, extra: { status?: number; headers: Record<string, string> }): Response {
  const response = errorResponse(error);
  const headers = new Headers(response.headers);
  for (const [name, value] of Object.entries(extra.headers)) headers.set(name, value);
  return new Response(response.body, { status: extra.status ?? response.status, headers });
}

/** Proves the connector, and that its network exists. */
async function authenticate(visit: Visit, proof: TlsProof, purpose: Purpose): Promise<Identity> {
  const { request, config, now } = visit;
  // An uplink speaks for its site: the assertion alone, which travels in a header, must not be enough for it.
  if (purpose === "uplink" && proof.certificate === null) throw new FairleadError("certificate.required");
  const jwt = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
  if (jwt === undefined) throw new FairleadError("assertion.missing");
  if (purpose === "uplink") checkBan(visit, jwt);
  let identity: Identity;
  try {
    identity = await verifyAssertion(jwt, {
      purpose,
      audience: config.apiUrl,
      deploymentCa: config.deploymentCa,
      now,
      ...(proof.certificate === null ? {} : { tlsCertificate: proof.certificate }),
    });
  } catch (thrown) {
    // Whose it would have been is worth an event, as far as its certificates are ours.
    const site = await siteOfAssertion(jwt, { deploymentCa: config.deploymentCa, now });
    if (site !== null && (await networkExists(visit, site.networkId))) note(visit, site, thrown);
    throw thrown;
  }
  if (!(await networkExists(visit, identity.networkId))) throw new FairleadError("network.unknown");
  return identity;
}

/** Refuses a site that its registry refuses for a while, before anything is computed. @throws FairleadError `uplink.limited` */
function checkBan({ state, now }: Visit, jwt: string): void {
  const site = claimedSite(jwt);
  const retryAfterMs = site === null ? 0 : state.bans.left(site, now);
  if (retryAfterMs > 0) throw new FairleadError("uplink.limited", undefined, { retryAfterMs });
}

function networkExists({ config, state, now }: Visit, id: string): Promise<boolean> {
  const ask = async () => (await openDirectory(config.objects.directory).findNetwork(id))?.id === id;
  return state.known.has(id, now, ask);
}

async function openUplink(visit: Visit, identity: Identity): Promise<Response> {
  try {
    const registry = openRegistry(visit.config.objects.registry, identity.networkId);
    return await upgraded(await registry.fetch(withVerified(visit.request, IDENTITY_HEADER, identity)));
  } catch (thrown) {
    const { networkId, siteId } = identity;
    if (thrown instanceof FairleadError && thrown.retryAfterMs !== undefined) {
      visit.state.bans.note(siteUri(networkId, siteId), visit.now, thrown.retryAfterMs);
    }
    note(visit, identity, thrown);
    throw thrown;
  }
}

/** An object's answer. Its refusal is thrown, so that it counts and is noted like one of the Worker's own. */
async function upgraded(answer: Response): Promise<Response> {
  if (answer.status === 101) return answer;
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  const wait = Number.isFinite(seconds) ? { retryAfterMs: seconds * 1000 } : {};
  throw fromErrorBody(ErrorAnswer.parse(await answer.json()).error, "edge.internal", wait);
}

async function openLane(visit: Visit, identity: Identity): Promise<Response> {
  const { request, config } = visit;
  try {
    const ticket = await readTicket(visit, identity);
    const registry = openRegistry(config.objects.registry, identity.networkId);
    unwrap(await registry.authorizeLane(identity, ticket));
    const router = openRouter(config.objects.router, routerName(ticket.network, ticket.site, ticket.peer));
    const answer = await upgraded(await router.fetch(withVerified(request, VERIFIED_TICKET_HEADER, ticket)));
    // The pair may have been cut meanwhile: a lane that came to the router just after that is not to stay.
    const still = await registry.authorizeLane(identity, ticket);
    if (still.ok) return answer;
    answer.webSocket?.accept();
    answer.webSocket?.close(1000);
    throw fromErrorBody(still.error, "edge.internal");
  } catch (thrown) {
    note(visit, identity, thrown);
    throw thrown;
  }
}

async function readTicket({ request, config, now }: Visit, identity: Identity): Promise<Ticket> {
  const text = request.headers.get(TICKET_HEADER);
  if (text === null) throw new FairleadError("ticket.missing");
  const ticket = await verifyTicket(text, { deploymentCaKey: config.deploymentCaKey, now });
  const own =
    ticket.network === identity.networkId && ticket.site === identity.siteId && ticket.boot === identity.boot;
  if (!own) throw new FairleadError("ticket.wrong_site");
  return ticket;
}

/** The request with what was verified, and without what a client may have put in its place. */
function withVerified(request: Request, header: string, verified: Identity | Ticket): Request {
  const headers = new Headers(request.headers);
  for (const name of INTERNAL_HEADERS) headers.delete(name);
  headers.set(header, JSON.stringify(verified));
  return new Request(request, { headers });
}

/** Has the refusal noted in the event log of a network that exists; at a rate that cannot fill it. */
function note(visit: Visit, who: { networkId: string; siteId: string }, thrown: unknown): void {
  if (!(thrown instanceof FairleadError)) return;
  if (visit.state.limits.notes.take(who.networkId, visit.now) > 0) return;
  const { code, message: text } = thrown;
  const registry = openRegistry(visit.config.objects.registry, who.networkId);
  visit.later(Promise.resolve(registry.noteRefusal({ siteId: who.siteId, code, text })));
}

/**
 * The door of a hostname: serves the requests of clients by exchanges with the connectors that publish a service by it
 * (docs/protocol.md, "The public door"). Its sessions and exchanges are in memory: losing the object resets them. An
 * idle door has no session, no socket and no timer.
 */
import { DurableObject } from "cloudflare:workers";
import { FairleadError } from "../../protocol/errors.ts";
import type { RequestHead } from "../../protocol/exchange/head.ts";
import { ID_BYTES, type IdKind, makeId } from "../../protocol/ids.ts";
import type { InstanceId } from "../../protocol/instance-id.ts";
import { DoorTicket, VERIFIED_DOOR_TICKET_HEADER } from "../authority/door-ticket.ts";
import { type Config, type Env, readConfig } from "../config.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { unwrap } from "../result.ts";
import { DoorExchange } from "./door-exchange.ts";
import { DoorMemory } from "./door-memory.ts";
import { DOOR_REQUEST_HEADER, DOOR_SOCKET_HEADER, DoorRequest, type DoorSocketEnd } from "./door-request.ts";
import type { DoorSession } from "./door-session.ts";
import { DoorSessions } from "./door-sessions.ts";
import { GrpcWeb } from "./grpc-web.ts";
import { openRegistryOf } from "./registry-calls.ts";
import { requestHead } from "./request-head.ts";
import { doorError, targetResponse } from "./response.ts";

/** Requests in progress at a door. */
export const MAX_EXCHANGES = 256;
/** Requests in progress of one client, so that no client takes the whole door. */
export const MAX_EXCHANGES_OF_CLIENT = 64;
/** Field of an upgrade's head with the ticket for the connector's end. Only a door writes it. */
const DOOR_TICKET_FIELD = "fairlead-door-ticket";
/** Longest request target, in characters. */
const MAX_TARGET = 16 * 1024;

const newId = (kind: IdKind): string => makeId(kind, crypto.getRandomValues(new Uint8Array(ID_BYTES)));

export class Door extends DurableObject<Env> {
  readonly #config: Config;
  readonly #self: InstanceId = { site: newId("door"), boot: newId("boot") };
  readonly #memory = new DoorMemory();
  readonly #byClient = new Map<string, number>();
  #exchanges = 0;
  #sessions: DoorSessions | null = null;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = readConfig(env);
  }

  /** Serves a lane of a connector, or a request of a client. Only the Worker sets the two internal headers. */
  override async fetch(request: Request): Promise<Response> {
    const ticket = request.headers.get(VERIFIED_DOOR_TICKET_HEADER);
    if (ticket !== null) return this.#join(ticket);
    try {
      const facts = DoorRequest.parse(JSON.parse(request.headers.get(DOOR_REQUEST_HEADER) ?? "null"));
      return await this.#serve(request, facts);
    } catch (thrown) {
      return doorError(publicError(thrown, "door"));
    }
  }

  /** Ends the sessions with a site, or with all sites. */
  endSessions(site: string | null): void {
    this.#sessions?.end(site, new FairleadError("session.revoked"));
  }

  // ---- connectors -------------------------------------------------------------------------------------

  #join(text: string): Response {
    try {
      const ticket = DoorTicket.parse(JSON.parse(text));
      // The object was restarted since it asked for the connector.
      if (ticket.purpose !== "lane" || ticket.door !== this.#self.boot || this.#sessions === null) {
        throw new FairleadError("ticket.stale");
      }
      const pair = new WebSocketPair();
      this.#sessions.join(pair[1], ticket.session, { site: ticket.site, boot: ticket.boot });
      return new Response(null, { status: 101, webSocket: pair[0] });
    } catch (thrown) {
      return errorResponse(publicError(thrown, "door"));
    }
  }

  #sessionsOf({ network, hostname }: DoorRequest): DoorSessions {
    this.#sessions ??= new DoorSessions({
      self: this.#self,
      memory: this.#memory,
      invite: (known) =>
        openRegistryOf(this.#config.objects.registry, network).inviteToDoor({
          hostname,
          id: this.#self.site,
          boot: this.#self.boot,
          known: [...known],
        }),
    });
    return this.#sessions;
  }

  // ---- clients ----------------------------------------------------------------------------------------

  async #serve(request: Request, facts: DoorRequest): Promise<Response> {
    const release = this.#admit(facts.client);
    const upgrade = request.headers.get("upgrade")?.toLowerCase() === "websocket" ? "websocket" : undefined;
    let head: RequestHead;
    try {
      if (request.url.length > MAX_TARGET) throw new FairleadError("door.too_large");
      head = requestHead(request, facts, upgrade);
    } catch (thrown) {
      release();
      throw thrown;
    }
    return upgrade === undefined
      ? await this.#exchange(request, head, facts, release)
      : await this.#connect(request, head, facts, release);
  }

  async #exchange(
    request: Request,
    head: RequestHead,
    facts: DoorRequest,
    ended: () => void,
  ): Promise<Response> {
    const grpcWeb = facts.translatesGrpc ? GrpcWeb.of(head) : null;
    const exchange = new DoorExchange({
      service: facts.service,
      head: grpcWeb === null ? head : grpcWeb.request(head),
      body: request.body,
      next: (tried) => this.#sessionsOf(facts).pick(tried, request.signal),
      ended,
      grpcWeb,
    });
    const cancel = (): void => exchange.cancel();
    request.signal.addEventListener("abort", cancel);
    const response = await exchange.send();
    return targetResponse(response);
  }

  /**
   * Asks a connector to connect the target's WebSocket with the client's. The connector has the target's 101 before it
   * answers; it then dials its end in the object of the WebSockets of its site, where the Worker joins the client.
   */
  async #connect(
    request: Request,
    head: RequestHead,
    facts: DoorRequest,
    release: () => void,
  ): Promise<Response> {
    const { network, hostname, service } = facts;
    const socket = newId("session");
    const registry = openRegistryOf(this.#config.objects.registry, network);
    let ticket: string;
    let session: DoorSession;
    try {
      session = await this.#sessionsOf(facts).pick(new Set(), request.signal);
      if (!session.joinsWebSockets) throw new FairleadError("door.no_websocket");
      const asked = { hostname, door: this.#self.boot, socket, ...session.peer };
      ticket = unwrap(await registry.socketTicket(asked));
    } catch (thrown) {
      release();
      throw thrown;
    }
    const exchange = new DoorExchange({
      service,
      head: { ...head, fields: [...head.fields, DOOR_TICKET_FIELD, ticket] },
      body: null,
      // The ticket is one connector's: there is no second attempt.
      next: async (tried) => {
        if (tried.size > 0) throw new FairleadError("door.unavailable");
        return session;
      },
      ended: release,
      grpcWeb: null,
    });
    request.signal.addEventListener("abort", () => exchange.cancel());
    const response = await exchange.send();
    if (response.head.status !== 101) return targetResponse(response);
    await response.body?.cancel();
    const end: DoorSocketEnd = {
      site: session.peer.site,
      socket,
      fields: keptUpgradeFields(response.head.fields),
    };
    return new Response(null, { headers: { [DOOR_SOCKET_HEADER]: JSON.stringify(end) } });
  }

  /** Counts a request. Returns its release. @throws FairleadError door.overloaded, door.limited */
  #admit(client: string): () => void {
    if (this.#exchanges >= MAX_EXCHANGES) throw new FairleadError("door.overloaded");
    const own = this.#byClient.get(client) ?? 0;
    if (own >= MAX_EXCHANGES_OF_CLIENT) throw new FairleadError("door.limited");
    this.#exchanges += 1;
    this.#byClient.set(client, own + 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      this.#exchanges -= 1;
      const left = (this.#byClient.get(client) ?? 1) - 1;
      if (left === 0) this.#byClient.delete(client);
      else this.#byClient.set(client, left);
    };
  }
}

/** The fields of the target's 101 that the client gets. The runtime writes those of the handshake. */
function keptUpgradeFields(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] ?? "";
    if (name === "sec-websocket-accept" || name === "sec-websocket-extensions") continue;
    kept.push(name, fields[at + 1] ?? "");
  }
  return kept;
}

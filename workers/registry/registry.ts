/**
 * The registry: the Durable Object of a network, and the only place with its state. This file has the entry
 * points (calls, sockets, alarm); policy/ decides, operations/ act, store/ keeps.
 * Uplinks hibernate: no code runs between messages, and nothing relies on memory. An object without a network
 * stores nothing, so that it leaves no trace.
 */
import { DurableObject } from "cloudflare:workers";
import type * as z from "zod";
import type { RevokeAccess, RevokedAccess } from "../../protocol/api/access.ts";
import type { Admission, Redeem } from "../../protocol/api/admission.ts";
import type { NetworkDump } from "../../protocol/api/backup.ts";
import type { EventPage, NetworkEventQuery } from "../../protocol/api/events.ts";
import type { PublishedService } from "../../protocol/api/hostnames.ts";
import type { Link } from "../../protocol/api/links.ts";
import type { Network, NetworkCa } from "../../protocol/api/networks.ts";
import type { QuotaUse, SetQuotas } from "../../protocol/api/quotas.ts";
import type { ServiceBalance, SetBalance } from "../../protocol/api/services.ts";
import type { CreateSite, Site, UpdateSite } from "../../protocol/api/sites.ts";
import type { NetworkStatus } from "../../protocol/api/status.ts";
import type { Token } from "../../protocol/api/tokens.ts";
import type { ReachablePort } from "../../protocol/dns/service-zone.ts";
import { asFairleadError, type ErrorCode, FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { isSameInstance } from "../../protocol/instance-id.ts";
import type { Claim } from "../../protocol/tokens.ts";
import type { Renewal } from "../../protocol/uplink/messages.ts";
import type { DoorTicket } from "../authority/door-ticket.ts";
import { IDENTITY_HEADER, Identity } from "../authority/identity.ts";
import type { Ticket } from "../authority/ticket.ts";
import { type Env, readConfig } from "../config.ts";
import type { RegistryCalls as DoorCalls } from "../door/registry-calls.ts";
import { openDoor, openDoorSockets } from "../door/stub.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { VIEWER_HEADER, Viewer } from "../live/viewer.ts";
import { viewerRefusal } from "../live/viewer-check.ts";
import { type Result, success } from "../result.ts";
import { openRouter } from "../router/stub.ts";
import type { RegistryCalls as TelemetryCalls } from "../telemetry/registry-calls.ts";
import { openTelemetry } from "../telemetry/stub.ts";
import { Authorities } from "./context/authorities.ts";
import { Context } from "./context/context.ts";
import type { Doors, TelemetryObjects } from "./context/settings.ts";
import { Lifecycle } from "./lifecycle.ts";
import { LiveChannel } from "./live-channel.ts";
import { dumpNetwork } from "./operations/backup.ts";
import { describeBalance, setBalance } from "./operations/balance.ts";
import { describeNetwork, describeSiteNamed, describeStatus } from "./operations/describe.ts";
import { handleDisconnect } from "./operations/disconnect.ts";
import {
  type DoorRequest,
  type DoorView,
  describeHostname,
  describePublished,
  inviteToDoor,
  issueSocketTicket,
  type PublishedHostname,
  publishedBy,
  type SocketRequest,
  setHostnames,
} from "./operations/ingress.ts";
import { memberOf } from "./operations/membership.ts";
import { describeQuotas, setQuotas } from "./operations/quotas.ts";
import { reachableService } from "./operations/reachable-service.ts";
import { redeem } from "./operations/redeem.ts";
import { renewOverApi } from "./operations/renew.ts";
import { deleteLink, revokeAccess } from "./operations/revoke-access.ts";
import { describeNetworkCa } from "./operations/service-certificates.ts";
import { deleteSite, revokeSite } from "./operations/site-removal.ts";
import { createSite, updateSite } from "./operations/sites.ts";
import { closeSilentUplinks } from "./operations/sweep.ts";
import { createToken, describeToken, revokeToken } from "./operations/tokens.ts";
import { Uplinks } from "./sockets/uplinks.ts";
import { Viewers } from "./sockets/viewers.ts";
import { Store } from "./store/store.ts";
import { UplinkHandler } from "./uplink-handler.ts";

export class Registry extends DurableObject<Env> implements DoorCalls, TelemetryCalls {
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #uplinkHandler: UplinkHandler;
  readonly #viewers: Viewers;
  readonly #live: LiveChannel;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const store = new Store(ctx.storage);
    const uplinks = new Uplinks(
      ctx,
      (uplink) => handleDisconnect(this.#context, uplink, "uplink.lost"),
      (site) => this.#live.changed(site),
    );
    const settings = readConfig(env);
    const routers = { cut: (name: string) => openRouter(settings.objects.router, name).cut() };
    const { door, doorSocket } = settings.objects;
    const doors: Doors = {
      close: (network, hostname, site) => openDoor(door, network, hostname).endSessions(site),
      cutSockets: async (network, hostname, site) => {
        // The call fails with the object that it ends.
        await openDoorSockets(doorSocket, network, hostname, site)
          .cut()
          .catch(() => undefined);
      },
    };
    const telemetry: TelemetryObjects = {
      removeSite: (network, site) => openTelemetry(settings.objects.telemetry, network).removeSite(site),
      destroy: (network) => openTelemetry(settings.objects.telemetry, network).destroy(),
    };
    const authorities = new Authorities(settings, store, (whose) => {
      this.#context.event("authority.renewed", `The CA of ${whose} was about to expire and was reissued.`);
    });
    this.#context = new Context({ settings, routers, doors, telemetry, store, uplinks, authorities });
    this.#lifecycle = new Lifecycle(ctx.storage, this.#context);
    this.#viewers = new Viewers(ctx);
    this.#live = new LiveChannel({
      context: this.#context,
      viewers: this.#viewers,
      exists: () => this.#lifecycle.exists,
      closeSilent: () => this.#closeSilentUplinks(),
      refusal: (viewer, now) => viewerRefusal(viewer, settings, now),
    });
    this.#uplinkHandler = new UplinkHandler(this.#context, this.#lifecycle, (ms) => {
      void ctx.blockConcurrencyWhile(() => scheduler.wait(ms));
    });
    ctx.blockConcurrencyWhile(async () => {
      if (!this.#lifecycle.wake()) return;
      this.#uplinkHandler.wake();
      this.#live.wake();
      await this.#lifecycle.schedule();
    });
  }

  /** Runs an operation and returns its error as data. */
  async #try<T>(work: () => T | Promise<T>): Promise<Result<T>> {
    try {
      return success(await work());
    } catch (thrown) {
      return { ok: false, error: toErrorBody(publicError(thrown, "registry")) };
    }
  }

  /** Runs an operation that requires the network. */
  #answer<T>(work: (context: Context) => T | Promise<T>): Promise<Result<T>> {
    return this.#try(() => {
      this.#lifecycle.requireNetwork();
      return work(this.#context);
    });
  }

  // ---- Calls of the API

  /** Creates the network. Repeated with the same id, returns the existing network. */
  create(request: { id: string; name: string; createdAt: number; actor: string }): Promise<Result<Network>> {
    return this.#try(() => this.#lifecycle.create(request));
  }

  /** Deletes the network: every uplink, every session and all storage. */
  destroy(): Promise<Result<void>> {
    return this.#try(async () => {
      await this.#lifecycle.destroy();
      this.#live.closeAll("network.unknown");
    });
  }

  network(): Promise<Result<Network>> {
    return this.#answer((context) => describeNetwork(context));
  }

  /** A backup of everything that a new edge needs. */
  dump(): Promise<Result<NetworkDump>> {
    return this.#answer((context) => dumpNetwork(context));
  }

  /** Restores the network from a backup into an object without one. Restores everything or nothing. */
  restore(dump: NetworkDump, actor: string): Promise<Result<Network>> {
    return this.#try(() => this.#lifecycle.restore(dump, actor));
  }

  createToken(request: {
    issuer?: string | undefined;
    uses: number;
    expirySeconds: number;
    actor: string;
  }): Promise<Result<{ token: Token; claim: string }>> {
    return this.#answer((context) => createToken(context, request));
  }

  tokens(): Promise<Result<Token[]>> {
    return this.#answer(() =>
      this.#context.store.tokens.all().map((row) => describeToken(this.#context, row)),
    );
  }

  revokeToken(id: string, actor: string): Promise<Result<Token>> {
    return this.#answer((context) => revokeToken(context, id, actor));
  }

  redeem({ claim, ...request }: Omit<Redeem, "claim"> & { claim: Claim }): Promise<Result<Admission>> {
    return this.#answer((context) => redeem(context, claim, { claim: "", ...request }));
  }

  /** Renews after a long absence. The Worker has verified the assertion; its certificate may have expired. */
  renew(identity: Identity): Promise<Result<Renewal>> {
    return this.#answer((context) => renewOverApi(context, identity));
  }

  status(): Promise<Result<NetworkStatus>> {
    return this.#answer(async () => {
      await this.#closeSilentUplinks();
      return describeStatus(this.#context);
    });
  }

  /** Where the clients of a site reach a service. Errors: site.unknown, site.revoked. */
  reachableService(site: string, service: string): Promise<Result<ReachablePort[] | "absent">> {
    return this.#answer((context) => reachableService(context, site, service));
  }

  site(nameOrId: string): Promise<Result<Site>> {
    return this.#answer(async () => {
      await this.#closeSilentUplinks();
      return describeSiteNamed(this.#context, nameOrId);
    });
  }

  createSite(request: {
    request: CreateSite;
    actor: string;
  }): Promise<Result<{ site: Site; token: Token; claim: string }>> {
    return this.#answer((context) => createSite(context, request.request, request.actor));
  }

  updateSite(nameOrId: string, request: UpdateSite, actor: string): Promise<Result<Site>> {
    return this.#answer((context) => updateSite(context, nameOrId, request, actor));
  }

  revokeSite(nameOrId: string, actor: string): Promise<Result<Site>> {
    return this.#answer((context) => revokeSite(context, nameOrId, actor));
  }

  deleteSite(nameOrId: string, actor: string): Promise<Result<Site>> {
    return this.#answer((context) => deleteSite(context, nameOrId, actor));
  }

  deleteLink(id: string, actor: string): Promise<Result<Link>> {
    return this.#answer((context) => deleteLink(context, id, actor));
  }

  revokeAccess(request: RevokeAccess, actor: string): Promise<Result<RevokedAccess>> {
    return this.#answer((context) => revokeAccess(context, request, actor));
  }

  events(query: NetworkEventQuery): Promise<Result<EventPage>> {
    return this.#answer(({ store: { events, network } }) => ({
      ...events.page(query),
      began: new Date(network.began()).toISOString(),
    }));
  }

  networkCa(): Promise<Result<NetworkCa>> {
    return this.#answer((context) => describeNetworkCa(context));
  }

  quotas(): Promise<Result<QuotaUse>> {
    return this.#answer((context) => describeQuotas(context));
  }

  balance(service: string): Promise<Result<ServiceBalance>> {
    return this.#answer((context) => describeBalance(context, service));
  }

  /** @param request null removes the setting */
  setBalance(service: string, request: SetBalance | null, actor: string): Promise<Result<ServiceBalance>> {
    return this.#answer((context) => setBalance(context, service, request, actor));
  }

  setQuotas(changes: SetQuotas, actor: string): Promise<Result<QuotaUse>> {
    return this.#answer((context) => setQuotas(context, changes, actor));
  }

  /** What the network publishes by its hostnames. */
  published(): Promise<Result<z.infer<typeof PublishedService>[]>> {
    return this.#answer((context) => describePublished(context));
  }

  /** Replaces the hostnames that the network has, as the directory has them. */
  setHostnames(patterns: string[], actor: string): Promise<Result<null>> {
    return this.#answer(async (context) => {
      await setHostnames(context, patterns, actor);
      return null;
    });
  }

  // ---- Calls of the object of traffic

  /** The names of the network's sites, by id. */
  siteNames(): Promise<Result<[id: string, name: string][]>> {
    return this.#answer(({ store }) => store.sites.all().map(({ id, name }) => [id, name]));
  }

  // ---- Calls of the doors

  /** What is published by a hostname; null when nothing is. */
  publishedBy(hostname: string): Promise<Result<PublishedHostname | null>> {
    return this.#answer((context) => describeHostname(context, hostname));
  }

  /** Invites the instances that publish a hostname to sessions with its door. */
  inviteToDoor(request: DoorRequest): Promise<Result<DoorView>> {
    return this.#answer((context) => inviteToDoor(context, request));
  }

  /** A ticket with which an instance joins its end of a client's WebSocket. */
  socketTicket(request: SocketRequest): Promise<Result<string>> {
    return this.#answer((context) => issueSocketTicket(context, request));
  }

  /** Closes silent uplinks before a status is read, so that it shows no lost instance. */
  async #closeSilentUplinks(): Promise<void> {
    closeSilentUplinks(this.#context);
    await this.#lifecycle.schedule();
  }

  // ---- Calls of the gateway

  /** Whether a site may dial the lane of a verified ticket now. */
  authorizeLane(identity: Identity, ticket: Ticket): Promise<Result<null>> {
    return this.#answer(() => {
      const site = memberOf(this.#context, identity);
      const session = this.#context.store.sessions.get(ticket.session);
      if (!session || session.generation !== ticket.generation) throw new FairleadError("ticket.stale");
      if (ticket.lane >= session.lanes) throw new FairleadError("ticket.invalid");
      if (!this.#context.linkGraph().canReach(site.id, ticket.peer))
        throw new FairleadError("session.forbidden");
      return null;
    });
  }

  /** Whether a site may report its traffic. Returns its current name. Errors: site.revoked, certificate.revoked. */
  authorizeTelemetry(identity: Identity): Promise<Result<{ name: string }>> {
    return this.#answer((context) => ({ name: memberOf(context, identity).name }));
  }

  /** Whether a site may dial with the verified ticket of a door now. */
  authorizeDoor(identity: Identity, ticket: DoorTicket): Promise<Result<null>> {
    return this.#answer((context) => {
      const site = memberOf(context, identity);
      const published = publishedBy(context, ticket.hostname);
      const instance = { site: site.id, boot: ticket.boot };
      if (!published?.instances.some((each) => isSameInstance(each, instance))) {
        throw new FairleadError("session.forbidden");
      }
      return null;
    });
  }

  /** Records an event for a failed proof of identity. */
  noteRefusal(refusal: { siteId?: string; code: ErrorCode; text: string }): void {
    if (!this.#lifecycle.exists) return;
    const site = refusal.siteId ? this.#context.store.sites.get(refusal.siteId)?.name : undefined;
    this.#context.eventOnce("uplink.refused", refusal.text, { site, code: refusal.code });
  }

  /**
   * Upgrades a request to an uplink, or to a viewer of the live channel. The Worker sets the header of either after it
   * has verified the site or the caller. A request of the gateway always has an identity.
   */
  override async fetch(request: Request): Promise<Response> {
    try {
      const identity = request.headers.get(IDENTITY_HEADER);
      const webSocket =
        identity === null
          ? this.#acceptViewer(request)
          : this.#uplinkHandler.accept(Identity.parse(JSON.parse(identity)));
      return new Response(null, { status: 101, webSocket });
    } catch (thrown) {
      const requestId = crypto.randomUUID();
      return errorResponse(publicError(thrown, requestId), requestId);
    }
  }

  #acceptViewer(request: Request): WebSocket {
    this.#lifecycle.requireNetwork();
    return this.#live.accept(Viewer.parse(JSON.parse(request.headers.get(VIEWER_HEADER) ?? "null")));
  }

  // ---- Socket events

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> | undefined {
    if (this.#viewers.isViewer(socket)) return this.#live.handleMessage(socket, data);
    return this.#uplinkHandler.handleMessage(socket, data);
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    if (this.#viewers.isViewer(socket)) return this.#live.handleClose(socket, code);
    await this.#uplinkHandler.handleClose(socket, code);
  }

  override async webSocketError(socket: WebSocket, thrown: unknown): Promise<void> {
    if (this.#viewers.isViewer(socket)) return;
    await this.#uplinkHandler.handleGone(socket, asFairleadError(thrown, "uplink.lost").code);
  }

  // ---- Alarm

  override alarm(): Promise<void> {
    return this.#lifecycle.handleAlarm();
  }
}

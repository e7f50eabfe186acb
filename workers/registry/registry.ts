/**
 * The registry: one object per network, and the only place with its state. This file is the shell (storage,
 * sockets, the alarm); decisions.ts and reachability.ts decide, the other files of this folder act.
 *
 * Uplinks hibernate: between messages no code runs, and nothing in memory is counted on.
 */
import { DurableObject } from "cloudflare:workers";
import type {
  Admission,
  EventType,
  Network,
  NetworkEvent,
  NetworkStatus,
  Redeem,
  Site,
  Token,
} from "../../protocol/api.ts";
import { asFairleadError, type ErrorCode, FairleadError, toErrorBody } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/messages.ts";
import type { Claim } from "../../protocol/tokens.ts";
import { IDENTITY_HEADER, Identity } from "../authority/identity.ts";
import type { Ticket } from "../authority/tickets.ts";
import type { Env } from "../env.ts";
import { errorResponse, publicError } from "../errors.ts";
import { type Result, success } from "../result.ts";
import { createToken, describeToken, redeem, renew, revokeToken } from "./admission.ts";
import { announceServices } from "./announcements.ts";
import { readAttachment } from "./attachment.ts";
import { Authorities } from "./authorities.ts";
import { Context } from "./context.ts";
import { nextSweep, OFFER_GRACE_MS } from "./decisions.ts";
import { dispatch, readMessage } from "./dispatch.ts";
import { part } from "./greeting.ts";
import { deleteSite, revokeSite } from "./removal.ts";
import { migrate } from "./schema.ts";
import { cutSessions } from "./sessions.ts";
import { type SiteRow, Store } from "./store.ts";
import { type Uplink, Uplinks } from "./uplinks.ts";
import { describeNetwork, describeSiteNamed, describeStatus } from "./views.ts";

export class Registry extends DurableObject<Env> {
  readonly #context: Context;
  /** The last handling of each socket: messages of one uplink are handled one after another. */
  readonly #tails = new WeakMap<WebSocket, Promise<void>>();
  #destroyed = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const store = new Store(ctx.storage);
    this.#context = new Context(env, store, new Uplinks(ctx), new Authorities(env, store));
    ctx.blockConcurrencyWhile(async () => {
      migrate(ctx.storage, Date.now());
      await this.#reconcile();
    });
  }

  /** Runs an operation so that its error travels as data; the network must exist. */
  async #answer<T>(work: () => T | Promise<T>): Promise<Result<T>> {
    try {
      if (!this.#exists()) throw new FairleadError("network.unknown");
      return success(await work());
    } catch (thrown) {
      return { ok: false, error: toErrorBody(publicError(thrown, "registry")) };
    }
  }

  #exists(): boolean {
    return !this.#destroyed && this.#context.store.network() !== null;
  }

  // ---- for the API

  /** Makes the network; again with the same id, tells what it is. */
  async create(request: {
    id: string;
    name: string;
    createdAt: number;
    actor: string;
  }): Promise<Result<Network>> {
    const { store, authorities } = this.#context;
    try {
      if (!store.network()) {
        const row = await authorities.makeNetwork(request.id, request.name, request.createdAt, Date.now());
        store.transaction(() => {
          if (store.network()) return;
          store.putNetwork(row);
          this.#context.event("network.created", `Network ${row.name} was created.`, {
            actor: request.actor,
          });
        });
      }
      return success(describeNetwork(this.#context));
    } catch (thrown) {
      return { ok: false, error: toErrorBody(publicError(thrown, "registry")) };
    }
  }

  /** Ends the network: every uplink, every session, everything stored. */
  async destroy(): Promise<void> {
    const context = this.#context;
    const sessions = context.store.sessions();
    for (const uplink of context.uplinks.all()) context.uplinks.refuse(uplink, "network.unknown");
    await cutSessions(context, sessions, "session.revoked");
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    // The tables are gone until the object starts anew, which nobody has a reason to ask of it.
    this.#destroyed = true;
  }

  network(): Promise<Result<Network>> {
    return this.#answer(() => describeNetwork(this.#context));
  }

  createToken(request: {
    uses: number;
    expirySeconds: number;
    actor: string;
  }): Promise<Result<{ token: Token; claim: string }>> {
    return this.#answer(() => createToken(this.#context, request));
  }

  tokens(): Promise<Result<Token[]>> {
    return this.#answer(() => {
      const now = this.#context.now();
      return this.#context.store.tokens().map((row) => describeToken(row, now));
    });
  }

  revokeToken(id: string, actor: string): Promise<Result<Token>> {
    return this.#answer(() => revokeToken(this.#context, id, actor));
  }

  redeem(request: { claim: Claim; site: string; csr: string }): Promise<Result<Admission>> {
    const asked: Redeem = { claim: "", site: request.site, csr: request.csr };
    return this.#answer(() => redeem(this.#context, request.claim, asked));
  }

  /** After a long sleep; the Worker has verified the assertion, whose certificate may have ended. */
  renew(identity: Identity): Promise<Result<Renewal>> {
    return this.#answer(() => {
      const site = this.#member(identity);
      if (!this.#context.store.noteAssertion(site.id, identity.boot, identity.counter, this.#context.now())) {
        throw new FairleadError("assertion.replayed");
      }
      return renew(this.#context, site);
    });
  }

  status(): Promise<Result<NetworkStatus>> {
    return this.#answer(() => describeStatus(this.#context));
  }

  site(nameOrId: string): Promise<Result<Site>> {
    return this.#answer(() => describeSiteNamed(this.#context, nameOrId));
  }

  revokeSite(nameOrId: string, actor: string): Promise<Result<Site>> {
    return this.#answer(() => revokeSite(this.#context, nameOrId, actor));
  }

  deleteSite(nameOrId: string, actor: string): Promise<Result<Site>> {
    return this.#answer(() => deleteSite(this.#context, nameOrId, actor));
  }

  events(query: {
    after?: number | undefined;
    type?: EventType | undefined;
    limit: number;
  }): Promise<Result<NetworkEvent[]>> {
    return this.#answer(() => this.#context.store.events(query));
  }

  // ---- for the links address

  /** The site that a verified identity belongs to. @throws FairleadError `site.revoked`, `certificate.revoked` */
  #member(identity: Identity): SiteRow {
    const { store } = this.#context;
    const site = store.site(identity.siteId);
    if (!site || site.state === "revoked") throw new FairleadError("site.revoked");
    const certificate = store.certificate(identity.serial);
    if (!certificate || certificate.site !== site.id || certificate.revokedAt !== null) {
      throw new FairleadError("certificate.revoked");
    }
    if (site.keyHash !== identity.keyHash) throw new FairleadError("certificate.revoked");
    return site;
  }

  /** Whether a site may dial the lane of a verified ticket now. */
  authorizeLane(identity: Identity, ticket: Ticket): Promise<Result<null>> {
    return this.#answer(() => {
      const site = this.#member(identity);
      const session = this.#context.store.sessionById(ticket.session);
      if (!session || session.generation !== ticket.generation) throw new FairleadError("ticket.stale");
      if (!this.#context.reachability().canReach(site.id, ticket.peer))
        throw new FairleadError("session.forbidden");
      return null;
    });
  }

  /** Notes in the event log that somebody failed to prove what he claimed. */
  noteRefusal(refusal: { siteId?: string; code: ErrorCode; text: string }): void {
    if (!this.#exists()) return;
    const site = refusal.siteId ? this.#context.store.site(refusal.siteId)?.name : undefined;
    this.#context.event("uplink.refused", refusal.text, { site, code: refusal.code });
  }

  /** An uplink's upgrade. The Worker has verified the identity in the header and nobody else sets it. */
  override async fetch(request: Request): Promise<Response> {
    try {
      const { store, uplinks } = this.#context;
      const identity = Identity.parse(JSON.parse(request.headers.get(IDENTITY_HEADER) ?? "null"));
      if (!this.#exists()) throw new FairleadError("network.unknown");
      const site = this.#member(identity);
      const now = this.#context.now();
      if (!store.noteAssertion(site.id, identity.boot, identity.counter, now)) {
        throw new FairleadError("assertion.replayed");
      }
      const socket = uplinks.accept({
        v: 1,
        site: site.id,
        boot: identity.boot,
        serial: identity.serial,
        openedAt: now,
        software: null,
        links: [],
      });
      return new Response(null, { status: 101, webSocket: socket });
    } catch (thrown) {
      const requestId = crypto.randomUUID();
      const error = publicError(thrown, requestId);
      if (this.#exists()) {
        this.#context.event("uplink.refused", `An uplink was refused: ${error.message}`, {
          code: error.code,
        });
      }
      return errorResponse(error, requestId);
    }
  }

  // ---- the sockets

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const before = this.#tails.get(socket) ?? Promise.resolve();
    const handled = before.then(() => this.#handle(socket, data));
    this.#tails.set(socket, handled);
    return handled;
  }

  async #handle(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const attachment = readAttachment(socket);
    if (!attachment || socket.readyState !== WebSocket.OPEN || !this.#exists()) return;
    const uplink: Uplink = { socket, attachment };
    try {
      await dispatch(this.#context, uplink, readMessage(data));
    } catch (thrown) {
      const error = publicError(thrown, "uplink");
      const site = this.#context.store.site(attachment.site)?.name;
      this.#context.event(
        "uplink.refused",
        `The uplink of site ${site ?? "?"} was closed: ${error.message}`,
        {
          site,
          code: error.code,
        },
      );
      this.#context.uplinks.refuse(uplink, error.code, error.message);
    }
    await this.#schedule();
  }

  override async webSocketClose(socket: WebSocket, code: number): Promise<void> {
    // Hibernating sockets do not answer a close by themselves; some codes may not be sent.
    try {
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code);
    } catch {
      // Closed already.
    }
    await this.#gone(socket, "uplink.lost");
  }

  override async webSocketError(socket: WebSocket, thrown: unknown): Promise<void> {
    this.#context.uplinks.close(socket, "uplink.lost");
    await this.#gone(socket, asFairleadError(thrown, "uplink.lost").code);
  }

  async #gone(socket: WebSocket, code: string): Promise<void> {
    await this.#tails.get(socket);
    const attachment = readAttachment(socket);
    if (!attachment || !this.#exists()) return;
    part(this.#context, { socket, attachment }, code);
    await this.#schedule();
  }

  // ---- the alarm

  /**
   * After the object was started anew: whoever was up and has no socket now is down, and what it offered has
   * its grace from here.
   */
  async #reconcile(): Promise<void> {
    const { store, uplinks } = this.#context;
    if (!store.network()) return;
    const now = this.#context.now();
    for (const site of store.sites()) {
      if (site.state !== "up" || uplinks.ofSite(site.id).length > 0) continue;
      store.setSiteState(site.id, "down", now);
      this.#context.event("site.down", `Site ${site.name} is down: the edge was restarted.`, {
        site: site.name,
        code: "uplink.lost",
      });
    }
    for (const boot of store.bootsWithOffers()) {
      if (uplinks.ofBoot(boot).length === 0) store.markOffersLost(boot, now);
    }
    await this.#schedule();
  }

  /** Sets the alarm for what is due next; an idle network has none. */
  async #schedule(): Promise<void> {
    const { store } = this.#context;
    const due = nextSweep({ sessions: store.sessionCount(), lostAt: store.firstLost() }, this.#context.now());
    const set = await this.ctx.storage.getAlarm();
    if (due === null || (set !== null && set <= due)) return;
    await this.ctx.storage.setAlarm(due);
  }

  override async alarm(): Promise<void> {
    const context = this.#context;
    const { store, uplinks } = context;
    if (!this.#exists()) return;
    const now = context.now();
    for (const uplink of uplinks.all()) {
      if (uplinks.alive(uplink, now)) continue;
      uplinks.close(uplink.socket, "uplink.lost");
      part(context, uplink, "uplink.lost");
    }
    const dropped = store.dropLostOffers(now - OFFER_GRACE_MS);
    const names = new Set(dropped.map((offer) => offer.service));
    const remaining = new Set(store.offers().map((offer) => offer.service));
    for (const { service, site } of dropped) {
      if (remaining.has(service)) continue;
      const name = store.site(site)?.name;
      context.event(
        "service.gone",
        `Service ${service} is offered no more: site ${name ?? "?"} stayed away.`,
        {
          site: name,
          code: "uplink.lost",
        },
      );
    }
    announceServices(context, names);
    // A session whose two instances both stayed away is over, though nobody could say so.
    for (const session of store.sessions()) {
      const old = now - session.grantedAt > OFFER_GRACE_MS;
      const gone = (boot: string) => uplinks.ofBoot(boot).length === 0;
      if (old && gone(session.bootA) && gone(session.bootB)) store.deleteSession(session.id);
    }
    await this.#schedule();
  }
}

/**
 * The registry: one object per network, and the only place with its state. This file is the shell (calls,
 * sockets, the alarm); decisions.ts and reachability.ts decide, the other files of this folder act.
 *
 * Uplinks hibernate: between messages no code runs, and nothing in memory is counted on. An object without a
 * network stores nothing, so that it leaves no trace.
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
import type { Purpose } from "../../protocol/assertions.ts";
import { asFairleadError, type ErrorCode, FairleadError, toErrorBody } from "../../protocol/errors.ts";
import type { Renewal } from "../../protocol/messages.ts";
import type { Claim } from "../../protocol/tokens.ts";
import { IDENTITY_HEADER, Identity } from "../authority/identity.ts";
import type { Ticket } from "../authority/tickets.ts";
import type { Env } from "../env.ts";
import { errorResponse, publicError } from "../errors.ts";
import { type Result, success } from "../result.ts";
import { createToken, describeToken, redeem, renew, revokeToken } from "./admission.ts";
import { readAttachment } from "./attachment.ts";
import { Authorities } from "./authorities.ts";
import { Context } from "./context.ts";
import { cutEverything } from "./cutting.ts";
import { dispatch, readMessage } from "./dispatch.ts";
import { hangUp, part } from "./parting.ts";
import { deleteSite, revokeSite } from "./removal.ts";
import { hasTables, migrate } from "./schema.ts";
import { Silence } from "./silence.ts";
import { type SiteRow, Store } from "./store/store.ts";
import { dueAt, reconcile, sweep } from "./upkeep.ts";
import { type Uplink, Uplinks } from "./uplinks.ts";
import { describeNetwork, describeSiteNamed, describeStatus } from "./views.ts";

export class Registry extends DurableObject<Env> {
  readonly #context: Context;
  readonly #silence = new Silence((uplink, error) => this.#expel(uplink, error));
  /** The last handling of each socket: messages of one uplink are handled one after another. */
  readonly #tails = new WeakMap<WebSocket, Promise<void>>();
  /** The database has its tables. */
  #migrated = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const store = new Store(ctx.storage);
    const uplinks = new Uplinks(ctx, (uplink) => part(this.#context, uplink, "uplink.lost"));
    this.#context = new Context(env, store, uplinks, new Authorities(env, store));
    ctx.blockConcurrencyWhile(async () => {
      if (!hasTables(ctx.storage)) return;
      this.#migrate();
      if (this.#exists()) reconcile(this.#context);
      for (const uplink of uplinks.all()) this.#silence.watch(uplink, this.#context.now());
      await this.#schedule();
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
    return this.#migrated && this.#context.store.network.get() !== null;
  }

  #migrate(): void {
    migrate(this.ctx.storage, this.#context.now());
    this.#migrated = true;
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
      if (!this.#exists()) {
        const row = await authorities.makeNetwork(request.id, request.name, request.createdAt, Date.now());
        this.#migrate();
        store.transaction(() => {
          if (store.network.get()) return;
          store.network.put(row);
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
    if (!this.#exists()) return;
    const { uplinks } = this.#context;
    for (const uplink of uplinks.all()) uplinks.refuse(uplink, "network.unknown");
    await cutEverything(this.#context, "session.revoked");
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    this.#migrated = false;
    // Those that came while the lanes were cut.
    for (const uplink of uplinks.all()) uplinks.refuse(uplink, "network.unknown");
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
      return this.#context.store.tokens.all().map((row) => describeToken(row, now));
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
      this.#noteAssertion(identity, "renew");
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
    return this.#answer(() => this.#context.store.events.list(query));
  }

  // ---- for the links address

  /** The site that a verified identity belongs to. @throws FairleadError `site.revoked`, `certificate.revoked` */
  #member(identity: Identity): SiteRow {
    const { store } = this.#context;
    const site = store.sites.get(identity.siteId);
    if (!site || site.state === "revoked") throw new FairleadError("site.revoked");
    const certificate = store.certificates.get(identity.serial);
    if (!certificate || certificate.site !== site.id || certificate.revokedAt !== null) {
      throw new FairleadError("certificate.revoked");
    }
    if (site.keyHash !== identity.keyHash) throw new FairleadError("certificate.revoked");
    return site;
  }

  /** @throws FairleadError `assertion.replayed` */
  #noteAssertion({ siteId, boot, counter }: Identity, purpose: Purpose): void {
    if (!this.#context.store.assertions.note(siteId, boot, purpose, counter, this.#context.now())) {
      throw new FairleadError("assertion.replayed");
    }
  }

  /** Whether a site may dial the lane of a verified ticket now. */
  authorizeLane(identity: Identity, ticket: Ticket): Promise<Result<null>> {
    return this.#answer(() => {
      const site = this.#member(identity);
      const session = this.#context.store.sessions.get(ticket.session);
      if (!session || session.generation !== ticket.generation) throw new FairleadError("ticket.stale");
      if (ticket.lane >= session.lanes) throw new FairleadError("ticket.invalid");
      if (!this.#context.reachability().canReach(site.id, ticket.peer))
        throw new FairleadError("session.forbidden");
      return null;
    });
  }

  /** Notes in the event log that somebody failed to prove what he claimed. */
  noteRefusal(refusal: { siteId?: string; code: ErrorCode; text: string }): void {
    if (!this.#exists()) return;
    const site = refusal.siteId ? this.#context.store.sites.get(refusal.siteId)?.name : undefined;
    this.#context.event("uplink.refused", refusal.text, { site, code: refusal.code });
  }

  /** An uplink's upgrade. The Worker has verified the identity in the header and nobody else sets it. */
  override async fetch(request: Request): Promise<Response> {
    try {
      const identity = Identity.parse(JSON.parse(request.headers.get(IDENTITY_HEADER) ?? "null"));
      if (!this.#exists()) throw new FairleadError("network.unknown");
      const site = this.#member(identity);
      this.#noteAssertion(identity, "uplink");
      const now = this.#context.now();
      const { answer, uplink } = this.#context.uplinks.accept({
        v: 1,
        site: site.id,
        boot: identity.boot,
        serial: identity.serial,
        counter: identity.counter,
        openedAt: now,
        software: null,
        links: [],
        ended: false,
      });
      this.#silence.watch(uplink, now);
      return new Response(null, { status: 101, webSocket: answer });
    } catch (thrown) {
      const requestId = crypto.randomUUID();
      return errorResponse(publicError(thrown, requestId), requestId);
    }
  }

  // ---- the sockets

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const before = this.#tails.get(socket) ?? Promise.resolve();
    const handled = before.catch(() => undefined).then(() => this.#handle(socket, data));
    this.#tails.set(socket, handled);
    return handled;
  }

  async #handle(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const attachment = readAttachment(socket);
    // What came before the peer closed counts, a goodbye above all.
    if (!attachment || attachment.ended) return;
    try {
      if (!this.#exists()) throw new FairleadError("network.unknown");
      await dispatch(this.#context, { socket, attachment }, readMessage(data));
    } catch (thrown) {
      this.#expel({ socket, attachment: readAttachment(socket) ?? attachment }, thrown);
    }
    this.#silence.look(socket);
    await this.#schedule();
  }

  /** Closes an uplink for what came over it. */
  #expel(uplink: Uplink, thrown: unknown): void {
    if (!this.#exists()) {
      this.#context.uplinks.refuse(uplink, "network.unknown");
      return;
    }
    const error = publicError(thrown, "uplink");
    const site = this.#context.store.sites.get(uplink.attachment.site)?.name;
    // A newer uplink of the same process took its place: nothing is wrong.
    if (error.code !== "uplink.replaced") {
      const text = `The uplink of site ${site ?? "?"} was closed: ${error.message}`;
      this.#context.eventOnce("uplink.refused", text, { site, code: error.code });
    }
    hangUp(this.#context, uplink, error.code, error.message);
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
    this.#silence.look(socket);
    await this.#tails.get(socket)?.catch(() => undefined);
    const attachment = readAttachment(socket);
    if (!attachment || !this.#exists()) return;
    part(this.#context, { socket, attachment }, code);
    await this.#schedule();
  }

  // ---- the alarm

  /** Sets the alarm for what is due next; an idle network has none. */
  async #schedule(): Promise<void> {
    if (!this.#exists()) return;
    const due = dueAt(this.#context);
    const set = await this.ctx.storage.getAlarm();
    if (due === null || (set !== null && set <= due)) return;
    await this.ctx.storage.setAlarm(due);
  }

  override async alarm(): Promise<void> {
    if (!this.#exists()) return;
    sweep(this.#context);
    await this.#schedule();
  }
}

/**
 * The uplinks' sockets: upgrades, messages, ends. They hibernate: between messages no code runs, and nothing that is in
 * memory here is counted on.
 */
import { FairleadError } from "../../protocol/errors.ts";
import type { ConnectorMessage } from "../../protocol/uplink/messages.ts";
import type { Identity } from "../authority/identity.ts";
import { publicError } from "../error-response.ts";
import type { Context } from "./context/context.ts";
import { dispatch, readMessage } from "./dispatch.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { closeUplink, handleDisconnect } from "./operations/disconnect.ts";
import { memberOf, noteAssertion } from "./operations/membership.ts";
import { MAX_WAIT_MS, mayOpenUplink, nextBan, PAUSE_MS, remainingBan } from "./policy/budget.ts";
import { type Attachment, isEstablished, readAttachment } from "./sockets/attachment.ts";
import { HelloTimeout } from "./sockets/hello-timeout.ts";
import { isReport, PendingReports } from "./sockets/pending-reports.ts";
import type { Uplink } from "./sockets/uplinks.ts";

export class UplinkHandler {
  readonly #context: Context;
  readonly #lifecycle: Lifecycle;
  readonly #helloTimeout = new HelloTimeout((uplink, error) => this.#closeForError(uplink, error));
  /** The last handling of each socket: messages of one uplink are handled one after another. */
  readonly #tails = new WeakMap<WebSocket, Promise<void>>();
  readonly #pending = new PendingReports<WebSocket>((socket, report) => {
    void this.#enqueue(socket, 0, () => report);
  });

  readonly #pause: (ms: number) => void;

  /** @param pause takes in nothing for so long, ms: neither messages nor calls */
  constructor(context: Context, lifecycle: Lifecycle, pause: (ms: number) => void) {
    this.#context = context;
    this.#lifecycle = lifecycle;
    this.#pause = pause;
  }

  /** After the object was started: looks after the sockets that it still has. */
  wake(): void {
    for (const uplink of this.#context.uplinks.all()) this.#helloTimeout.start(uplink, this.#context.now());
  }

  /**
   * Takes an uplink in. Gives the connector's end.
   * @throws FairleadError `network.unknown`, `site.revoked`, `certificate.revoked`, `uplink.limited`, `uplink.too_many`,
   * `assertion.replayed`
   */
  accept(identity: Identity): WebSocket {
    if (!this.#lifecycle.exists) throw new FairleadError("network.unknown");
    const site = memberOf(this.#context, identity);
    const now = this.#context.now();
    this.#checkOpening(site.id, identity.boot, now);
    noteAssertion(this.#context, identity, "uplink");
    const { answer, uplink } = this.#context.uplinks.accept({
      v: 1,
      site: site.id,
      boot: identity.boot,
      serial: identity.serial,
      notAfter: identity.notAfter,
      counter: identity.counter,
      openedAt: now,
      software: null,
      links: [],
      unproven: {},
      rtt: null,
      ended: false,
    });
    this.#helloTimeout.start(uplink, now);
    return answer;
  }

  /** Whether a site may open one more uplink now. @throws FairleadError `uplink.limited`, `uplink.too_many` */
  #checkOpening(site: string, boot: string, now: number): void {
    const { store, budgets, uplinks } = this.#context;
    const banned = remainingBan(store.bans.of(site), now);
    const wait = banned > 0 ? banned : budgets.of(site, now).spend("opening", now);
    if (wait > 0) throw new FairleadError("uplink.limited", undefined, { retryAfterMs: wait });
    const open = uplinks.ofSite(site).map(({ attachment }) => attachment.boot);
    const others = new Set(open.filter((other) => other !== boot)).size;
    const own = open.filter((other) => other === boot).length;
    const limit = this.#context.quotas().uplinks;
    if (mayOpenUplink({ own, others, all: uplinks.countSockets(site) }, limit)) return;
    throw new FairleadError("uplink.too_many", `The site may have ${limit} uplinks, and has as many.`);
  }

  /**
   * Takes a message in. What its site's budget has no room for waits its turn, and with it what comes after it; a site
   * that sends far more than it may is cut off, before any of that is looked at.
   */
  handleMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> | undefined {
    const attachment = readAttachment(socket);
    // What came before the peer closed counts, a goodbye above all. A socket that was closed here may still send.
    if (!attachment || attachment.ended) {
      this.#pause(PAUSE_MS);
      return undefined;
    }
    const now = this.#context.now();
    const length = typeof data === "string" ? data.length : data.byteLength;
    const { wait, pause } = this.#context.budgets.of(attachment.site, now).receive(length, now);
    if (pause) this.#pause(PAUSE_MS);
    if (wait !== null) return this.#enqueue(socket, now + wait, () => readMessage(data));
    this.#ban({ socket, attachment }, now);
    return undefined;
  }

  /** Handles a message after those that came before it over the same socket, and not before a time, ms. */
  #enqueue(socket: WebSocket, notBefore: number, read: () => ConnectorMessage): Promise<void> {
    const before = this.#tails.get(socket) ?? Promise.resolve();
    const handled = before
      .catch(() => undefined)
      .then(async () => {
        const wait = Math.min(MAX_WAIT_MS, notBefore - this.#context.now());
        if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
        await this.#handle(socket, read);
      });
    this.#tails.set(socket, handled);
    return handled;
  }

  /** Cuts off a site that sends far more than it may, for a time that grows. */
  #ban(uplink: Uplink, now: number): void {
    const { store } = this.#context;
    const { site } = uplink.attachment;
    if (this.#lifecycle.exists) store.bans.put(site, nextBan(store.bans.of(site), now));
    this.#closeForError(uplink, new FairleadError("uplink.limited"));
  }

  async #handle(socket: WebSocket, read: () => ConnectorMessage): Promise<void> {
    const attachment = readAttachment(socket);
    if (!attachment || attachment.ended) return;
    try {
      if (!this.#lifecycle.exists) throw new FairleadError("network.unknown");
      const message = read();
      if (message.type === "bye") this.#pending.forget(socket);
      const spend = () => {
        const now = this.#context.now();
        return isReport(message)
          ? this.#context.budgets.of(attachment.site, now).spend(message.type, now)
          : 0;
      };
      const early = !isEstablished(attachment);
      if (!early && isReport(message) && this.#pending.mustWait(socket, message, spend)) return;
      await dispatch(this.#context, { socket, attachment }, message);
    } catch (thrown) {
      this.#closeForError({ socket, attachment: readAttachment(socket) ?? attachment }, thrown);
    }
    this.#helloTimeout.cancelUnlessWaiting(socket);
    await this.#lifecycle.schedule();
  }

  /** Closes an uplink for what came over it. */
  #closeForError(uplink: Uplink, thrown: unknown): void {
    if (!this.#lifecycle.exists) {
      this.#context.uplinks.refuse(uplink, "network.unknown");
      return;
    }
    const error = publicError(thrown, "uplink");
    const site = this.#context.store.sites.get(uplink.attachment.site);
    // A newer uplink of the same process took its place: nothing is wrong.
    if (error.code !== "uplink.replaced") {
      const text = `The uplink of site ${site?.name ?? "?"} was closed: ${error.message}`;
      this.#context.eventOnce("uplink.refused", text, {
        site: site?.name,
        code: error.code,
        owner: site?.id,
      });
    }
    closeUplink(this.#context, uplink, error.code, error.message);
  }

  /** The peer closed its socket. */
  async handleClose(socket: WebSocket, code: number): Promise<void> {
    // Hibernating sockets do not answer a close by themselves; some codes may not be sent.
    try {
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code);
    } catch {
      // Closed already.
    }
    await this.handleGone(socket, "uplink.lost");
  }

  /** The process closed its uplink, or its end did; not one that the registry closed. */
  #noteDeparture(attachment: Attachment): void {
    const { store, uplinks } = this.#context;
    if (attachment.ended || !isEstablished(attachment) || uplinks.newestOf(attachment) !== null) return;
    if (store.sessions.ofInstance(attachment).length === 0) return;
    store.departures.note(attachment, this.#context.now(), attachment.rtt);
  }

  /** A socket is no more, for the reason that the code names. */
  async handleGone(socket: WebSocket, code: string): Promise<void> {
    this.#helloTimeout.cancelUnlessWaiting(socket);
    this.#pending.forget(socket);
    await this.#tails.get(socket)?.catch(() => undefined);
    const attachment = readAttachment(socket);
    // From here on it is not there, whatever the runtime still says of it.
    this.#context.uplinks.close(socket, "uplink.lost");
    if (!attachment || !this.#lifecycle.exists) return;
    handleDisconnect(this.#context, { socket, attachment }, code);
    this.#noteDeparture(attachment);
    await this.#lifecycle.schedule();
  }
}

/**
 * The uplinks' sockets: upgrades, messages, ends. They hibernate: between messages no code runs, and nothing that is in
 * memory here is counted on.
 */
import { FairleadError } from "../../protocol/errors.ts";
import type { Identity } from "../authority/identity.ts";
import { publicError } from "../errors.ts";
import { type Attachment, readAttachment } from "./attachment.ts";
import type { Context } from "./context.ts";
import { dispatch, readMessage } from "./dispatch.ts";
import { memberOf, noteAssertion } from "./identities.ts";
import type { Lifetime } from "./lifetime.ts";
import { hangUp, part } from "./parting.ts";
import { Silence } from "./silence.ts";
import type { Uplink } from "./uplinks.ts";

export class Sockets {
  readonly #context: Context;
  readonly #lifetime: Lifetime;
  readonly #silence = new Silence((uplink, error) => this.#expel(uplink, error));
  /** The last handling of each socket: messages of one uplink are handled one after another. */
  readonly #tails = new WeakMap<WebSocket, Promise<void>>();

  constructor(context: Context, lifetime: Lifetime) {
    this.#context = context;
    this.#lifetime = lifetime;
  }

  /** After the object was started: looks after the sockets that it still has. */
  wake(): void {
    for (const uplink of this.#context.uplinks.all()) this.#silence.watch(uplink, this.#context.now());
  }

  /** Takes an uplink in. Gives the connector's end. @throws FairleadError `network.unknown`, `site.revoked`, `certificate.revoked`, `assertion.replayed` */
  accept(identity: Identity): WebSocket {
    if (!this.#lifetime.exists) throw new FairleadError("network.unknown");
    const site = memberOf(this.#context, identity);
    noteAssertion(this.#context, identity, "uplink");
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
      unproven: {},
      rtt: null,
      ended: false,
    });
    this.#silence.watch(uplink, now);
    return answer;
  }

  message(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
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
      if (!this.#lifetime.exists) throw new FairleadError("network.unknown");
      await dispatch(this.#context, { socket, attachment }, readMessage(data));
    } catch (thrown) {
      this.#expel({ socket, attachment: readAttachment(socket) ?? attachment }, thrown);
    }
    this.#silence.look(socket);
    await this.#lifetime.schedule();
  }

  /** Closes an uplink for what came over it. */
  #expel(uplink: Uplink, thrown: unknown): void {
    if (!this.#lifetime.exists) {
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

  /** The peer closed its socket. */
  async closed(socket: WebSocket, code: number): Promise<void> {
    // Hibernating sockets do not answer a close by themselves; some codes may not be sent.
    try {
      socket.close(code === 1005 || code === 1006 || code === 1015 ? 1000 : code);
    } catch {
      // Closed already.
    }
    await this.gone(socket, "uplink.lost");
  }

  /** The process closed its uplink, or its end did; not one that the registry closed. */
  #noteDeparture(attachment: Attachment): void {
    const { departures, store, uplinks } = this.#context;
    if (attachment.ended || attachment.software === null || uplinks.instance(attachment) !== null) return;
    if (store.sessions.ofInstance(attachment).length === 0) return;
    departures.note(attachment, this.#context.now(), attachment.rtt);
  }

  /** A socket is no more, for the reason that the code names. */
  async gone(socket: WebSocket, code: string): Promise<void> {
    this.#silence.look(socket);
    await this.#tails.get(socket)?.catch(() => undefined);
    const attachment = readAttachment(socket);
    // From here on it is not there, whatever the runtime still says of it.
    this.#context.uplinks.close(socket, "uplink.lost");
    if (!attachment || !this.#lifetime.exists) return;
    part(this.#context, { socket, attachment }, code);
    this.#noteDeparture(attachment);
    await this.#lifetime.schedule();
  }
}

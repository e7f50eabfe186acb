/**
 * The sockets of the viewers of a channel: hibernating WebSockets with a tag of their own. They share the memory of the
 * object with everything else in it, so what waits for them is bounded: see {@link Backlog}.
 */
import { type ErrorCode, FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { closeSocketFor } from "../close-socket.ts";
import { Backlog } from "./backlog.ts";
import { MAX_VIEWERS } from "./viewer.ts";

/**
 * Most sockets of viewers, with those that the object closed. What waits for a viewer that does not read is kept until
 * its connection ends: the close waits behind it, and the platform has no abort (workerd 1.20261117, November 2026).
 */
const MAX_SOCKETS = 2 * MAX_VIEWERS;

export class ViewerSockets {
  readonly #ctx: DurableObjectState;
  readonly #tag: string;
  readonly #ended: (socket: WebSocket) => void;
  readonly #backlog = new Backlog();

  /** @param ended called when the object closes a viewer, before it does */
  constructor(ctx: DurableObjectState, tag: string, ended: (socket: WebSocket) => void = () => undefined) {
    this.#ctx = ctx;
    this.#tag = tag;
    this.#ended = ended;
  }

  /** Accepts a viewer. Returns the client's end as `answer`. @throws FairleadError live.too_many */
  accept(): { readonly answer: WebSocket; readonly socket: WebSocket } {
    if (this.open().length >= MAX_VIEWERS || this.#all().length >= MAX_SOCKETS) {
      throw new FairleadError("live.too_many");
    }
    const pair = new WebSocketPair();
    this.#ctx.acceptWebSocket(pair[1], [this.#tag]);
    return { answer: pair[0], socket: pair[1] };
  }

  /** The sockets that neither end has closed. */
  open(): WebSocket[] {
    return this.#all().filter(isOpen);
  }

  #all(): WebSocket[] {
    return this.#ctx.getWebSockets(this.#tag);
  }

  /**
   * Whether a viewer keeps up, so that it may be told more. A viewer that does not read is closed.
   * @param now ms since 1970
   */
  isCurrent(socket: WebSocket, now: number): boolean {
    const state = this.#backlog.judge(socket, now);
    if (state === "stalled") this.end(socket, "live.behind");
    return state === "current";
  }

  /** Sends a message, as a text or an object. */
  send(socket: WebSocket, message: string | object): void {
    try {
      socket.send(typeof message === "string" ? message : JSON.stringify(message));
    } catch {
      // The socket closed meanwhile. Its close event handles the rest.
    }
  }

  /** Sends an error, then closes the viewer. */
  refuse(socket: WebSocket, error: FairleadError): void {
    this.send(socket, { type: "error", error: toErrorBody(error) });
    this.end(socket, error.code);
  }

  /** Closes a viewer. */
  end(socket: WebSocket, code: ErrorCode): void {
    if (!isOpen(socket)) return;
    this.#ended(socket);
    closeSocketFor(socket, code);
  }
}

const isOpen = ({ readyState }: WebSocket): boolean => readyState === WebSocket.OPEN;

/** The live channel of a network's traffic: a WebSocket of the API, whose messages are in protocol/api/live.ts. */
import type { WebSocket } from "ws";
import { type LiveRequest, LiveTraffic, WATCH_MS } from "../../protocol/api/live.ts";
import { FairleadError, fromErrorBody, isErrorCode } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import { KEEPALIVE } from "../../protocol/uplink/messages.ts";
import { dialWebSocket } from "../net/websocket.ts";

/** Where the edge is, and the key for it. */
export interface LiveLogin {
  readonly url: string;
  readonly key: string;
  readonly ca?: string | undefined;
}

/** The longest message that is read, bytes. */
const MAX_MESSAGE = 16 * 1024 * 1024;

export class LiveChannel {
  readonly #socket: WebSocket;
  readonly #timers: NodeJS.Timeout[];
  readonly #waiting: LiveTraffic[] = [];
  #wake: (() => void) | null = null;
  #end: FairleadError | null = null;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#timers = [
      setInterval(() => socket.send(KEEPALIVE.ping), KEEPALIVE.everyMs),
      setInterval(() => this.send({ type: "watch" }), WATCH_MS / 2),
    ];
    socket.on("message", (data) => this.#receive(data.toString()));
    socket.on("close", (_, reason) => {
      const code = reason.toString("utf8");
      this.#finish(new FairleadError(isErrorCode(code) ? code : "edge.unreachable", LOST));
    });
    this.send({ type: "watch" });
  }

  /**
   * Opens the channel of a network's traffic.
   *
   * @throws FairleadError the edge's refusal; `edge.unreachable`, `edge.untrusted`, `proxy.failed`
   */
  static async open({ url, key, ca }: LiveLogin, network: string, signal: AbortSignal): Promise<LiveChannel> {
    const socket = await dialWebSocket({
      url: `${url.replace(/^https/, "wss").replace(/\/+$/, "")}/v1/networks/${encodeURIComponent(network)}/live/traffic`,
      ca,
      headers: { authorization: `Bearer ${key}` },
      webSocket: { maxPayload: MAX_MESSAGE },
      fallback: "edge.unreachable",
      timeoutMs: timeLimit("apiRequest", null),
      signal,
    });
    return new LiveChannel(socket);
  }

  send(request: LiveRequest): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(request));
  }

  /**
   * The messages of the edge, until `signal` aborts.
   *
   * @throws FairleadError when the edge closes the channel, or the connection breaks
   */
  async *messages(signal: AbortSignal): AsyncGenerator<LiveTraffic> {
    const stop = (): void => this.#wake?.();
    signal.addEventListener("abort", stop);
    try {
      while (!signal.aborted) {
        const next = this.#waiting.shift();
        if (next !== undefined) yield next;
        else if (this.#end !== null) throw this.#end;
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
      }
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  close(): void {
    this.#finish(new FairleadError("edge.unreachable", LOST));
    this.#socket.close(1000);
    setTimeout(() => this.#socket.terminate(), 500).unref();
  }

  #receive(text: string): void {
    if (text === KEEPALIVE.pong) return;
    const message = readMessage(text);
    if (message === null) return;
    if (message.type === "error") this.#finish(fromErrorBody(message.error, "edge.unreachable"));
    else {
      this.#waiting.push(message);
      this.#wake?.();
    }
  }

  #finish(error: FairleadError): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#end ??= error;
    this.#wake?.();
  }
}

const LOST = "The live channel to the edge was lost.";

function readMessage(text: string): LiveTraffic | null {
  try {
    return LiveTraffic.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

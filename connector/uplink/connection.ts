/** One uplink, from its hello to its end: messages both ways, requests with their answers, keep-alive. */
import type { RawData, WebSocket } from "ws";
import { FairleadError, fromErrorBody, isErrorCode } from "../../protocol/errors.ts";
import { timeLimit } from "../../protocol/time-limits.ts";
import {
  type ConnectorMessage,
  type Hello,
  KEEPALIVE,
  RegistryMessage,
  type Welcome,
} from "../../protocol/uplink/messages.ts";
import { withTimeout } from "../async/timeout.ts";
import type { Log } from "../log.ts";

/** Messages that come unasked. */
export type Notice = Extract<
  RegistryMessage,
  { type: "services" | "links" | "offers.refused" | "renamed" | "session.offer" | "session.cut" }
>;
/** Messages that answer a request. */
export type Answer = Extract<RegistryMessage, { type: "session.grant" | "renewed" | "status" | "done" }>;
/** A request, before it has its id. */
export type Question = ConnectorMessage extends infer M
  ? M extends { id: number }
    ? Omit<M, "id">
    : never
  : never;

export interface ConnectionOptions {
  readonly hello: Hello;
  readonly onNotice: (notice: Notice) => void;
  /** Called once, when an uplink that was welcomed ends. */
  readonly onEnd: (error: FairleadError) => void;
  /** Called with each answer to a keep-alive: how long it took, ms. */
  readonly onRoundTrip?: (ms: number) => void;
  readonly log: Log;
  /** For the answer to hello, ms. */
  readonly welcomeMs?: number;
  readonly keepalive?: { readonly everyMs: number; readonly deadAfterMs: number };
}

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: FairleadError) => void;
}

export class UplinkConnection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #keepalive: NodeJS.Timeout;
  readonly #watchdog: NodeJS.Timeout;
  #nextId = 1;
  /** When the oldest keep-alive without an answer went out, ms; null when all were answered. */
  #pinged: number | null = null;
  /** Keep-alives that went out, and answers; those who wait for one of the answers. */
  #pings = 0;
  #pongs = 0;
  #probes: { readonly ping: number; readonly answered: () => void }[] = [];
  #ended: FairleadError | null = null;
  /** Why the edge said that it is about to close. */
  #farewell: FairleadError | null = null;
  #onWelcome: ((welcome: Welcome | FairleadError) => void) | undefined;

  private constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const { everyMs, deadAfterMs } = options.keepalive ?? KEEPALIVE;
    this.#keepalive = setInterval(() => this.#ping(), everyMs).unref();
    this.#watchdog = setTimeout(
      () => this.#end(new FairleadError("uplink.lost", "the edge fell silent")),
      deadAfterMs,
    );
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("close", (_, reason) => this.#end(this.#farewell ?? closeError(reason.toString("utf8"))));
  }

  /** Says hello on an open WebSocket and waits for welcome. @throws FairleadError as the registry refuses. */
  static async open(
    socket: WebSocket,
    options: ConnectionOptions,
  ): Promise<{ connection: UplinkConnection; welcome: Welcome }> {
    const connection = new UplinkConnection(socket, options);
    const timer = setTimeout(
      () => connection.#end(new FairleadError("uplink.lost", "the edge did not answer hello")),
      options.welcomeMs ?? timeLimit("welcome", null),
    );
    const welcome = await new Promise<Welcome | FairleadError>((resolve) => {
      connection.#onWelcome = resolve;
      connection.send(options.hello);
    });
    clearTimeout(timer);
    if (welcome instanceof FairleadError) throw welcome;
    // At once: whoever looks at a new link wants to see its round trip, not wait for the first interval.
    connection.#ping();
    return { connection, welcome };
  }

  get isOpen(): boolean {
    return this.#ended === null;
  }

  /** Sends a message that has no answer; on a dead uplink it is dropped. */
  send(message: ConnectorMessage): void {
    this.#write(JSON.stringify(message));
  }

  /**
   * Sends a request and waits for its answer.
   * @throws FairleadError the registry's code; `uplink.lost` when the uplink ends or `timeoutMs` passes.
   */
  request(question: Question, timeoutMs: number): Promise<Answer> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#pending.set(id, { resolve, reject });
    this.send({ ...question, id });
    return withTimeout(promise, timeoutMs, () => {
      this.#pending.delete(id);
      return new FairleadError("uplink.lost", `the edge did not answer ${question.type} in time`);
    });
  }

  /** Asks for a sign of life now. Resolves when it has come; on an uplink that has ended never. */
  probe(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ping();
    this.#probes.push({ ping: this.#pings, answered: resolve });
    return promise;
  }

  /** Ends the uplink on our side; `onEnd` is not called. */
  close(error = new FairleadError("uplink.lost", "the uplink was closed")): void {
    this.#end(error, { told: true });
  }

  #write(text: string): void {
    if (this.#ended === null && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  #ping(): void {
    this.#pinged ??= performance.now();
    this.#pings += 1;
    this.#write(KEEPALIVE.ping);
  }

  #ponged(): void {
    this.#pongs += 1;
    while (this.#probes[0] !== undefined && this.#probes[0].ping <= this.#pongs) {
      this.#probes.shift()?.answered();
    }
    if (this.#pinged === null) return;
    const ms = performance.now() - this.#pinged;
    this.#pinged = null;
    if (this.#ended === null) this.#options.onRoundTrip?.(ms);
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#watchdog.refresh();
    if (isBinary) return;
    const text = data.toString();
    if (text === KEEPALIVE.pong) {
      this.#ponged();
      return;
    }
    const message = readMessage(text);
    if (message === null) {
      // Either newer than this connector, or broken: neither is a reason to lose the uplink.
      this.#options.log.warn({ text: text.slice(0, 200) }, "ignored a message of unknown form from the edge");
      return;
    }
    this.#handle(message);
  }

  #handle(message: RegistryMessage): void {
    switch (message.type) {
      case "welcome":
        this.#onWelcome?.(message);
        this.#onWelcome = undefined;
        return;
      case "session.grant":
      case "renewed":
      case "status":
      case "done":
        this.#take(message.id)?.resolve(message);
        return;
      case "error": {
        const { retryAfterMs } = message;
        const later = retryAfterMs === undefined ? {} : { retryAfterMs };
        const error = fromErrorBody(message.error, "uplink.lost", later);
        if (message.id === undefined) this.#farewell = error;
        else this.#take(message.id)?.reject(error);
        return;
      }
      default:
        this.#options.onNotice(message);
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #end(error: FairleadError, { told = false } = {}): void {
    if (this.#ended) return;
    this.#ended = error;
    clearInterval(this.#keepalive);
    clearTimeout(this.#watchdog);
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
    if (told) {
      this.#socket.close(1000);
      // An edge that is gone never answers the close.
      setTimeout(() => this.#socket.terminate(), 1000).unref();
    } else this.#socket.terminate();
    const onWelcome = this.#onWelcome;
    this.#onWelcome = undefined;
    if (onWelcome) onWelcome(error);
    else if (!told) this.#options.onEnd(error);
  }
}

function readMessage(text: string): RegistryMessage | null {
  try {
    const message = RegistryMessage.safeParse(JSON.parse(text));
    return message.success ? message.data : null;
  } catch {
    return null;
  }
}

function closeError(reason: string): FairleadError {
  return new FairleadError(isErrorCode(reason) ? reason : "uplink.lost");
}

/** One uplink connection, from its hello to its end: messages, requests with their responses, keep-alive. */
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

type NoticeOfSession = "session.offer" | "session.cut";
type NoticeOfDoor = "door.offer" | "ingress.refused";

/** Messages that the registry sends on its own. */
export type Notice = Extract<
  RegistryMessage,
  { type: "services" | "links" | "offers.refused" | "renamed" | NoticeOfSession | NoticeOfDoor }
>;
/** Messages that answer a request. */
export type UplinkResponse = Extract<
  RegistryMessage,
  { type: "session.grant" | "renewed" | "certificate" | "status" | "done" }
>;
/** A request without its id. */
export type UplinkRequest = ConnectorMessage extends infer M
  ? M extends { id: number }
    ? Omit<M, "id">
    : never
  : never;

export interface ConnectionOptions {
  readonly hello: Hello;
  readonly onNotice: (notice: Notice) => void;
  /** Called once, when the connection ends after its welcome. */
  readonly onEnd: (error: FairleadError) => void;
  /** Called with the round trip of each answered keep-alive, ms. */
  readonly onRtt?: (ms: number) => void;
  readonly log: Log;
  /** Time for the answer to hello, ms. */
  readonly welcomeMs?: number;
  readonly keepalive?: { readonly everyMs: number; readonly deadAfterMs: number };
}

interface Pending {
  readonly resolve: (response: UplinkResponse) => void;
  readonly reject: (error: FairleadError) => void;
}

export class UplinkConnection {
  readonly #socket: WebSocket;
  readonly #options: ConnectionOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #keepalive: NodeJS.Timeout;
  readonly #watchdog: NodeJS.Timeout;
  #nextId = 1;
  /** When the oldest unanswered keep-alive was sent, ms; null when all were answered. */
  #pingedAt: number | null = null;
  /** Count of keep-alives sent. */
  #pings = 0;
  /** Count of keep-alives answered. */
  #pongs = 0;
  /** Callers that wait for the answer to a keep-alive. */
  #probes: { readonly ping: number; readonly answered: () => void }[] = [];
  #ended: FairleadError | null = null;
  /** The error that the edge announced before it closed. */
  #closeReason: FairleadError | null = null;
  #onWelcome: ((welcome: Welcome | FairleadError) => void) | undefined;

  private constructor(socket: WebSocket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    const { everyMs, deadAfterMs } = options.keepalive ?? KEEPALIVE;
    this.#keepalive = setInterval(() => this.#ping(), everyMs).unref();
    this.#watchdog = setTimeout(
      () => this.#end(new FairleadError("uplink.lost", "The edge fell silent.")),
      deadAfterMs,
    );
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("close", (_, reason) => this.#end(this.#closeReason ?? closeError(reason.toString("utf8"))));
  }

  /**
   * Sends hello on an open WebSocket and waits for welcome.
   * @throws FairleadError the registry's refusal; `uplink.lost`.
   */
  static async open(
    socket: WebSocket,
    options: ConnectionOptions,
  ): Promise<{ connection: UplinkConnection; welcome: Welcome }> {
    const connection = new UplinkConnection(socket, options);
    const timer = setTimeout(
      () => connection.#end(new FairleadError("uplink.lost", "The edge did not answer hello.")),
      options.welcomeMs ?? timeLimit("welcome", null),
    );
    const welcome = await new Promise<Welcome | FairleadError>((resolve) => {
      connection.#onWelcome = resolve;
      connection.send(options.hello);
    });
    clearTimeout(timer);
    if (welcome instanceof FairleadError) throw welcome;
    // The first round trip is measured at once, so that the status of a new link can show it.
    connection.#ping();
    return { connection, welcome };
  }

  get isOpen(): boolean {
    return this.#ended === null;
  }

  /** Sends a message that has no response. Dropped when the connection has ended. */
  send(message: ConnectorMessage): void {
    this.#write(JSON.stringify(message));
  }

  /**
   * Sends a request and waits for its response.
   * @throws FairleadError the registry's code; `uplink.lost` when the connection ends or `timeoutMs` passes.
   */
  request(request: UplinkRequest, timeoutMs: number): Promise<UplinkResponse> {
    if (this.#ended) return Promise.reject(this.#ended);
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<UplinkResponse>();
    this.#pending.set(id, { resolve, reject });
    this.send({ ...request, id });
    return withTimeout(promise, timeoutMs, () => {
      this.#pending.delete(id);
      return new FairleadError("uplink.lost", `The edge did not answer ${request.type} in time.`);
    });
  }

  /** Sends a keep-alive. Resolves when it is answered; never resolves once the connection has ended. */
  probe(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ping();
    this.#probes.push({ ping: this.#pings, answered: resolve });
    return promise;
  }

  /** Closes the connection. `onEnd` is not called. */
  close(error = new FairleadError("uplink.lost", "The uplink was closed.")): void {
    this.#end(error, { isOurs: true });
  }

  #write(text: string): void {
    if (this.#ended === null && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  #ping(): void {
    this.#pingedAt ??= performance.now();
    this.#pings += 1;
    this.#write(KEEPALIVE.ping);
  }

  #ponged(): void {
    this.#pongs += 1;
    while (this.#probes[0] !== undefined && this.#probes[0].ping <= this.#pongs) {
      this.#probes.shift()?.answered();
    }
    if (this.#pingedAt === null) return;
    const ms = performance.now() - this.#pingedAt;
    this.#pingedAt = null;
    if (this.#ended === null) this.#options.onRtt?.(ms);
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
      // A newer edge may send messages that this connector does not know.
      this.#options.log.warn(
        { text: text.slice(0, 200) },
        "The edge sent a message of unknown form. It was ignored.",
      );
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
      case "certificate":
      case "status":
      case "done":
        this.#take(message.id)?.resolve(message);
        return;
      case "error": {
        const { retryAfterMs } = message;
        const later = retryAfterMs === undefined ? {} : { retryAfterMs };
        const error = fromErrorBody(message.error, "uplink.lost", later);
        if (message.id === undefined) this.#closeReason = error;
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

  /** @param isOurs whether this side closes the connection */
  #end(error: FairleadError, { isOurs = false } = {}): void {
    if (this.#ended) return;
    this.#ended = error;
    clearInterval(this.#keepalive);
    clearTimeout(this.#watchdog);
    for (const id of [...this.#pending.keys()]) this.#take(id)?.reject(error);
    if (isOurs) {
      this.#socket.close(1000);
      // A dead edge never answers the close.
      setTimeout(() => this.#socket.terminate(), 1000).unref();
    } else this.#socket.terminate();
    const onWelcome = this.#onWelcome;
    this.#onWelcome = undefined;
    if (onWelcome) onWelcome(error);
    else if (!isOurs) this.#options.onEnd(error);
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

/** One telemetry connection, from its hello to its end: messages and the keep-alive (docs/protocol.md, "Telemetry"). */
import type { RawData, WebSocket } from "ws";
import { FairleadError, fromErrorBody, isErrorCode } from "../../protocol/errors.ts";
import {
  MAX_TELEMETRY_MESSAGE,
  TelemetryNotice,
  type TelemetryReport,
} from "../../protocol/telemetry/messages.ts";
import { KEEPALIVE } from "../../protocol/uplink/messages.ts";

export interface TelemetryConnectionEvents {
  notice(notice: TelemetryNotice): void;
  /** The connection has ended. Called once, unless this side closed it. */
  ended(error: FairleadError): void;
}

export interface TelemetryConnectionOptions extends TelemetryConnectionEvents {
  readonly keepalive?: { readonly everyMs: number; readonly deadAfterMs: number } | undefined;
}

/** What may wait for an edge that does not read, bytes. Beyond it, records are left out and reports are late. */
const MAX_QUEUED = 1024 * 1024;

export class TelemetryConnection {
  readonly #socket: WebSocket;
  readonly #options: TelemetryConnectionOptions;
  readonly #keepalive: NodeJS.Timeout;
  readonly #watchdog: NodeJS.Timeout;
  #hasEnded = false;
  #reason: FairleadError | null = null;

  constructor(socket: WebSocket, options: TelemetryConnectionOptions) {
    const { everyMs, deadAfterMs } = options.keepalive ?? KEEPALIVE;
    this.#socket = socket;
    this.#options = options;
    this.#keepalive = setInterval(() => this.#write(KEEPALIVE.ping), everyMs).unref();
    this.#watchdog = setTimeout(
      () => this.#end(new FairleadError("uplink.lost", "The edge fell silent.")),
      deadAfterMs,
    ).unref();
    socket.on("message", (data, isBinary) => this.#receive(data, isBinary));
    socket.on("close", (_, reason) => this.#end(this.#reason ?? closeError(reason.toString("utf8"))));
  }

  /** Whether so much waits for the edge that nothing more should be sent now. */
  get isCongested(): boolean {
    return this.#socket.bufferedAmount > MAX_QUEUED;
  }

  /** Sends a message. Dropped when the connection has ended. */
  send(report: TelemetryReport): void {
    this.#write(JSON.stringify(report));
  }

  /** Closes the connection, after what was sent. `ended` is not called. */
  async close(): Promise<void> {
    if (this.#hasEnded) return;
    this.#stop();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#socket.once("close", () => resolve());
    this.#socket.close(1000);
    // A dead edge never answers the close.
    const timer = setTimeout(() => this.#socket.terminate(), 1000);
    await promise;
    clearTimeout(timer);
  }

  #write(text: string): void {
    if (!this.#hasEnded && this.#socket.readyState === this.#socket.OPEN) this.#socket.send(text);
  }

  #receive(data: RawData, isBinary: boolean): void {
    this.#watchdog.refresh();
    if (isBinary) return;
    const text = data.toString();
    if (text === KEEPALIVE.pong || text.length > MAX_TELEMETRY_MESSAGE) return;
    const notice = readNotice(text);
    // A newer edge may send messages that this connector does not know.
    if (notice === null) return;
    if (notice.type === "error") this.#reason = fromErrorBody(notice.error, "uplink.lost");
    else if (!this.#hasEnded) this.#options.notice(notice);
  }

  #stop(): void {
    this.#hasEnded = true;
    clearInterval(this.#keepalive);
    clearTimeout(this.#watchdog);
  }

  #end(error: FairleadError): void {
    if (this.#hasEnded) return;
    this.#stop();
    this.#socket.terminate();
    this.#options.ended(error);
  }
}

function readNotice(text: string): TelemetryNotice | null {
  try {
    return TelemetryNotice.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function closeError(reason: string): FairleadError {
  return new FairleadError(isErrorCode(reason) ? reason : "uplink.lost");
}

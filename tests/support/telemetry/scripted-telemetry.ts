/** The edge's end of telemetry connections, without an edge: it records what connectors send, and answers as it is told. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { type TelemetryNotice, TelemetryReport } from "../../../protocol/telemetry/messages.ts";
import { type SeriesReport, seriesId } from "../../../protocol/telemetry/series.ts";
import { KEEPALIVE } from "../../../protocol/uplink/messages.ts";
import { eventually } from "../clock/eventually.ts";

type Message<Type extends TelemetryReport["type"]> = Extract<TelemetryReport, { type: Type }>;

export class ScriptedTelemetry {
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<WebSocket>();
  readonly received: TelemetryReport[] = [];
  /** The latest values of each series, over all connections. */
  readonly series = new Map<string, SeriesReport>();
  /** What the edge answers to hello; null to answer nothing. */
  welcome: TelemetryNotice | null = { type: "welcome", everyMs: 100, tails: [] };
  connections = 0;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => this.#accept(socket));
  }

  static async start(): Promise<ScriptedTelemetry> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await once(server, "listening");
    onTestFinished(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return new ScriptedTelemetry(server);
  }

  /** Dials it. */
  readonly dial = async (): Promise<WebSocket> => {
    const { port } = this.#server.address() as AddressInfo;
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    socket.on("error", () => {});
    await once(socket, "open");
    return socket;
  };

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  send(notice: TelemetryNotice): void {
    for (const socket of this.#sockets) socket.send(JSON.stringify(notice));
  }

  /** Breaks every connection. */
  kill(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  of<Type extends TelemetryReport["type"]>(type: Type): Message<Type>[] {
    return this.received.filter((message): message is Message<Type> => message.type === type);
  }

  /** Waits for a message of the type that fits. */
  async next<Type extends TelemetryReport["type"]>(
    type: Type,
    fits: (message: Message<Type>) => boolean = () => true,
  ): Promise<Message<Type>> {
    return await eventually(`a message ${type}`, () => this.of(type).find(fits));
  }

  /** The sum of a value over all series. */
  sum(value: (series: SeriesReport) => number): number {
    return [...this.series.values()].reduce((total, series) => total + value(series), 0);
  }

  #accept(socket: WebSocket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("message", (data) => {
      const text = data.toString();
      if (text === KEEPALIVE.ping) {
        socket.send(KEEPALIVE.pong);
        return;
      }
      const message = TelemetryReport.parse(JSON.parse(text));
      this.received.push(message);
      if (message.type === "hello" && this.welcome !== null) socket.send(JSON.stringify(this.welcome));
      if (message.type === "series") for (const each of message.series) this.series.set(seriesId(each), each);
    });
  }
}

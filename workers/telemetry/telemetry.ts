/**
 * The object of a network that keeps its traffic, apart from the registry, so that scrapes and consoles never compete
 * with session grants. Connectors report to it; it counts, keeps windows of time, and relays records to viewers. This
 * file has the entry points (calls, sockets, alarm); policy/ decides, the recorder keeps. Sockets hibernate. An object
 * that nobody reported to stores nothing.
 */
import { DurableObject } from "cloudflare:workers";
import type { FlowPage, FlowQuery, Traffic, TrafficQuery } from "../../protocol/api/traffic.ts";
import { FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { NetworkId } from "../../protocol/ids.ts";
import type { MeasuredSeries } from "../../protocol/metrics/traffic-families.ts";
import { parseJsonWith } from "../../protocol/parse.ts";
import { MAX_TELEMETRY_MESSAGE, TelemetryReport } from "../../protocol/telemetry/messages.ts";
import { KEEPALIVE } from "../../protocol/uplink/messages.ts";
import { answerClose } from "../close-socket.ts";
import { type Env, readConfig } from "../config.ts";
import { errorResponse, publicError } from "../error-response.ts";
import { VIEWER_HEADER, Viewer } from "../live/viewer.ts";
import { viewerRefusal } from "../live/viewer-check.ts";
import { type Result, success, unwrap } from "../result.ts";
import { readAttachment, TAGS, writeAttachment } from "./attachment.ts";
import { type Connection, Connectors } from "./connectors.ts";
import { cadence } from "./policy/cadence.ts";
import { attribute } from "./policy/records.ts";
import { TrafficView } from "./policy/traffic-view.ts";
import { Recorder } from "./recorder.ts";
import { openRegistryOf } from "./registry-calls.ts";
import { CONNECTOR_HEADER, NETWORK_HEADER, VerifiedConnector } from "./verified.ts";
import { Viewers } from "./viewers.ts";

/** How long names of sites are good, ms. */
const NAMES_MS = 20_000;

/** All series of a network with what they counted in all, for metrics. */
export interface Measured {
  readonly series: MeasuredSeries[];
  readonly reporters: Traffic["reporters"];
}

export class Telemetry extends DurableObject<Env> {
  readonly #recorder: Recorder;
  readonly #connectors: Connectors;
  readonly #viewers: Viewers;
  /** Whether this start of the object has received a report. */
  #hasReports = false;
  /** When somebody last watched or asked, ms since 1970. */
  #askedAt = Date.now();
  #namesAt = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#recorder = new Recorder(ctx.storage);
    this.#connectors = new Connectors(ctx);
    this.#viewers = new Viewers(ctx, {
      now: () => Date.now(),
      createView: (network, query) => this.#createView(network, query),
      describe: (view) => this.#recorder.describe(view, Date.now(), this.#reporters()),
      reporters: () => this.#reporters(),
      startTail: (tail) => this.#connectors.broadcast({ type: "tail.start", tail }),
      stopTail: (id) => this.#connectors.broadcast({ type: "tail.stop", id }),
      watchingChanged: () => this.#setCadence(),
      refusal: (viewer) => viewerRefusal(viewer, readConfig(env), Date.now()),
    });
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(KEEPALIVE.ping, KEEPALIVE.pong));
    ctx.blockConcurrencyWhile(async () => {
      await this.#recorder.load(Date.now());
      // The memory was lost before the alarm stored it, but not the connections.
      if (this.#recorder.hasAlarm) this.#connectors.closeAll("edge.restarting");
      if (ctx.getWebSockets(TAGS.viewer).length > 0) this.#viewers.wake();
    });
  }

  async #try<T>(work: () => T | Promise<T>): Promise<Result<T>> {
    try {
      return success(await work());
    } catch (thrown) {
      return { ok: false, error: toErrorBody(publicError(thrown, "telemetry")) };
    }
  }

  // ---- Calls of the API

  /** The traffic of the network. Errors: request.invalid. */
  traffic(network: string, query: TrafficQuery): Promise<Result<Traffic>> {
    return this.#try(async () => {
      const view = await this.#createView(network, query);
      return this.#recorder.describe(view, Date.now(), this.#reporters());
    });
  }

  /** Kept records. Errors: request.invalid. */
  flows(query: FlowQuery): Promise<Result<FlowPage>> {
    return this.#try(() => this.#recorder.flows(query, Date.now()));
  }

  /** All series, for metrics. */
  measured(network: string): Promise<Result<Measured>> {
    return this.#try(async () => {
      this.#noteQuestion();
      await this.#readNames(network);
      const siteOf = (id: string) => {
        const name = this.#recorder.nameOf(id);
        return name === null ? null : { id, name };
      };
      const series = [...this.#recorder.series()].map(({ site, values }) => ({
        site: siteOf(site) ?? { id: site, name: site },
        peer: values.peer === null ? null : siteOf(values.peer),
        series: values,
      }));
      return { series, reporters: this.#reporters() };
    });
  }

  // ---- Calls of the registry

  /** Ends the connections of a site that was revoked or deleted. What it counted stays, in fewer series. */
  removeSite(site: string): void {
    const now = Date.now();
    this.#connectors.remove(site, now);
    this.#recorder.removeSite(site, now);
    this.#setCadence();
  }

  /** Deletes everything: the network is deleted. */
  async destroy(): Promise<void> {
    this.#connectors.removeAll(Date.now());
    this.#viewers.closeAll("network.unknown");
    await this.#recorder.destroy();
  }

  // ---- Upgrades

  /** Upgrades a request of a verified connector or viewer. */
  override async fetch(request: Request): Promise<Response> {
    try {
      const viewer = request.headers.get(VIEWER_HEADER);
      const webSocket =
        viewer === null
          ? this.#connectors.accept(
              VerifiedConnector.parse(JSON.parse(request.headers.get(CONNECTOR_HEADER) ?? "null")),
              Date.now(),
            )
          : this.#viewers.accept(
              NetworkId.parse(request.headers.get(NETWORK_HEADER)),
              Viewer.parse(JSON.parse(viewer)),
            );
      return new Response(null, { status: 101, webSocket });
    } catch (thrown) {
      const requestId = crypto.randomUUID();
      return errorResponse(publicError(thrown, requestId), requestId);
    }
  }

  // ---- Socket events

  override async webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const attachment = readAttachment(socket);
    if (attachment === null || attachment.ended) return;
    if (attachment.kind === "viewer") {
      this.#noteQuestion();
      if (this.#viewers.isWatched) await this.#refreshNames(attachment.network);
      return await this.#viewers.handleMessage(socket, attachment, data);
    }
    this.#receive({ socket, attachment }, data);
  }

  /** Handles a message of a connector. One that the protocol does not allow ends the connection. */
  #receive(connection: Connection, data: string | ArrayBuffer): void {
    const { socket, attachment } = connection;
    const now = Date.now();
    try {
      const length = typeof data === "string" ? data.length : data.byteLength;
      if (!this.#connectors.budgets.receive(attachment.site, length, now)) {
        throw new FairleadError("telemetry.limited");
      }
      if (typeof data !== "string" || length > MAX_TELEMETRY_MESSAGE) {
        throw new FairleadError("telemetry.malformed", "Messages are texts of at most 256 KiB.");
      }
      const message = parseJsonWith(TelemetryReport, data, {
        code: "telemetry.malformed",
        what: "The message is malformed",
      });
      if ((message.type === "hello") === attachment.greeted) {
        throw new FairleadError("telemetry.malformed", "The first message is a hello, and no other.");
      }
      this.#dispatch(connection, message, now);
    } catch (thrown) {
      this.#connectors.refuse(socket, publicError(thrown, "telemetry"));
    }
  }

  #dispatch({ socket, attachment }: Connection, message: TelemetryReport, now: number): void {
    const { site, boot } = attachment;
    const nameOf = (id: string) => this.#recorder.nameOf(id);
    switch (message.type) {
      case "hello":
        if (message.boot !== boot) {
          throw new FairleadError("telemetry.malformed", "The hello has another boot id than the assertion.");
        }
        this.#recorder.begin(attachment, now, (other) => this.#connectors.isConnected(site, other));
        this.#connectors.greet({ socket, attachment }, this.#cadence(1), this.#viewers.tails());
        this.#setCadence();
        return;
      case "series": {
        this.#hasReports = true;
        const span = Math.min(this.#connectors.noteReport(socket, now), this.#connectors.everyMs);
        const grown = this.#recorder.report({ site, boot }, message.series, now, span);
        this.#recorder.addNotable(
          message.notable.map((record) => attribute(record, attachment, { now, nameOf })),
          now,
        );
        if (grown.length > 0) this.#viewers.count(grown, now);
        return;
      }
      case "records": {
        const room = this.#connectors.budgets.takeRecords(site, message.records.length, now);
        const records = message.records
          .slice(0, room)
          .map((record) => attribute(record, attachment, { now, nameOf }));
        this.#viewers.relay(message.tail, records, message.left + message.records.length - room);
      }
    }
  }

  override webSocketClose(socket: WebSocket, code: number): void {
    answerClose(socket, code);
    this.#handleGone(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#handleGone(socket);
  }

  #handleGone(socket: WebSocket): void {
    const attachment = readAttachment(socket);
    if (attachment === null || attachment.ended) return;
    writeAttachment(socket, { ...attachment, ended: true });
    if (attachment.kind === "viewer") this.#viewers.end(attachment);
    this.#setCadence();
  }

  // ---- Alarm

  /** Stores what was counted. */
  override async alarm(): Promise<void> {
    // The alarm of an earlier start of the object, whose memory is lost while its connections are not.
    if (!this.#hasReports) this.#connectors.closeAll("edge.restarting");
    await this.#recorder.save(Date.now());
    this.#setCadence();
  }

  // ---- Common parts

  #reporters(): Traffic["reporters"] {
    return this.#connectors.reporters(Date.now()).map(({ id, name, ageMs }) => ({
      site: { id, name: this.#recorder.nameOf(id) ?? name },
      ageMs,
    }));
  }

  async #createView(network: string, query: TrafficQuery): Promise<TrafficView> {
    this.#noteQuestion();
    await this.#readNames(network);
    const now = Date.now();
    const view = new TrafficView(query, this.#recorder, now);
    await this.#recorder.fill(view, now);
    view.settle();
    return view;
  }

  /** Somebody asks: connectors report more often for a while. */
  #noteQuestion(): void {
    this.#askedAt = Date.now();
    this.#setCadence();
  }

  /** How often connectors report now, ms. @param joining connectors that are about to be counted */
  #cadence(joining = 0): number {
    return cadence({
      connectors: this.#connectors.greeted().length + joining,
      isWatched: this.#viewers.isWatched,
      unaskedMs: Date.now() - this.#askedAt,
    });
  }

  #setCadence(): void {
    this.#connectors.setCadence(this.#cadence());
  }

  /** Reads the names of sites from the registry, unless they are recent. Returns whether one changed. */
  async #readNames(network: string): Promise<boolean> {
    const now = Date.now();
    if (now - this.#namesAt < NAMES_MS) return false;
    this.#namesAt = now;
    const registry = openRegistryOf(readConfig(this.env).objects.registry, network);
    return this.#recorder.rename(unwrap(await registry.siteNames()));
  }

  async #refreshNames(network: string): Promise<void> {
    if (await this.#readNames(network)) await this.#viewers.refresh();
  }
}

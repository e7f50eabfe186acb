/** Telemetry connections and viewers of live traffic, as connectors and consoles open them. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { LiveTraffic } from "../../../protocol/api/live.ts";
import { type Tail, TELEMETRY_PATH, TelemetryNotice } from "../../../protocol/telemetry/messages.ts";
import type { SeriesReport } from "../../../protocol/telemetry/series.ts";
import { bootIdOf } from "../authority/test-site.ts";
import { ask, dial } from "./client.ts";
import { ADMIN_KEY, API_URL } from "./environment.ts";
import { Line, type Member } from "./member.ts";

type Notice<T> = Extract<TelemetryNotice, { type: T }>;
type Shown<T> = Extract<LiveTraffic, { type: T }>;

let counter = 0;

export const telemetryOf = (network: { networkId: string }) => env.TELEMETRY.getByName(network.networkId);

/** Dials the telemetry connection of a site's process. Returns the raw answer. */
export function dialTelemetry(member: Member, boot: string): Promise<Response> {
  counter += 1;
  return dial(member, {
    path: TELEMETRY_PATH,
    assertion: { purpose: "telemetry", jti: `${boot}.${counter}` },
  });
}

/** The telemetry connection of a connector. */
export class TelemetryLine extends Line {
  readonly boot: string;
  /** How often the object asked to report, ms. */
  everyMs = 0;
  /** The tails that were watched when the object answered the hello. */
  welcomed: readonly Tail[] = [];

  private constructor(answer: Response, boot: string) {
    super(answer);
    this.boot = boot;
  }

  /** Dials, and says hello. */
  static async open(member: Member, boot = bootIdOf()): Promise<TelemetryLine> {
    const line = new TelemetryLine(await dialTelemetry(member, boot), boot);
    line.send({ type: "hello", boot, software: "test" });
    const { everyMs, tails } = await line.next("welcome");
    line.everyMs = everyMs;
    line.welcomed = tails;
    return line;
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  report(...series: SeriesReport[]): void {
    this.send({ type: "series", series, open: 0, notable: [] });
  }

  /** The next notice of a type. Others stay for later. */
  next<T extends TelemetryNotice["type"]>(type: T): Promise<Notice<T>> {
    return this.take(`"${type}"`, (data) => {
      const notice = TelemetryNotice.parse(JSON.parse(String(data)));
      return notice.type === type ? (notice as Notice<T>) : null;
    });
  }
}

/** A viewer of a network's live traffic. */
export class TrafficViewer extends Line {
  static async open(network: string, key = ADMIN_KEY): Promise<TrafficViewer> {
    const headers = { upgrade: "websocket", authorization: `Bearer ${key}` };
    return new TrafficViewer(await ask(`${API_URL}/v1/networks/${network}/live/traffic`, { headers }));
  }

  send(message: object | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  next<T extends LiveTraffic["type"]>(type: T): Promise<Shown<T>> {
    return this.take(`"${type}"`, (data) => {
      if (data === "P") return null;
      const shown = LiveTraffic.parse(JSON.parse(String(data)));
      return shown.type === type ? (shown as Shown<T>) : null;
    });
  }
}

/** Waits until the object has handled everything that was sent to it on this connection. */
export async function settle(network: { networkId: string }): Promise<void> {
  await runInDurableObject(telemetryOf(network), () => undefined);
}

/** A report of streams at the listener's side. */
export function streams(parts: Partial<SeriesReport> = {}): SeriesReport {
  return {
    ...{ side: "listener", service: "db", peer: null, protocol: "tcp", process: null, target: null },
    ...{ opened: 0, closed: 0, failed: 0, bytesToTarget: 0, bytesToClient: 0, latency: [], latencySum: 0 },
    ...parts,
  };
}

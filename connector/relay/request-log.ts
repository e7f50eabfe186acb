/** Writes a line for each request to the log (`--log requests`), up to a number of lines a second. */
import type { Log } from "../log.ts";
import type { RequestReport, RequestReports, RequestSink } from "./request-report.ts";

/** Most lines a second. The requests beyond are counted, in one line for each service. */
const LINES = 200;
const SECOND_MS = 1000;

/** Most services whose requests are counted apart. A connector has as many as its listeners and targets. */
const MAX_COUNTED = 1000;

export interface RequestLogOptions {
  readonly requests: RequestReports;
  readonly log: Log;
  /** Most lines a second; {@link LINES} unless given. */
  readonly lines?: number;
  /** A clock that never goes back, ms; `performance.now` unless given. */
  readonly now?: () => number;
}

/** Requests of one service and side that got no line in the current second. */
interface Counted {
  readonly service: string;
  readonly side: RequestReport["side"];
  count: number;
}

export class RequestLog implements RequestSink {
  readonly #requests: RequestReports;
  readonly #log: Log;
  readonly #lines: number;
  readonly #now: () => number;
  #second = Number.NEGATIVE_INFINITY;
  #written = 0;
  readonly #counted = new Map<string, Counted>();
  #timer: NodeJS.Timeout | undefined;
  /** Null while requests are not logged. */
  #remove: (() => void) | null = null;

  constructor({ requests, log, lines = LINES, now = () => performance.now() }: RequestLogOptions) {
    this.#requests = requests;
    this.#log = log;
    this.#lines = lines;
    this.#now = now;
  }

  /** Begins to log requests, or stops. */
  set(isOn: boolean): void {
    if (isOn) this.#remove ??= this.#requests.add(this);
    else this.close();
  }

  requestEnded(report: RequestReport): void {
    const now = this.#now();
    if (now - this.#second >= SECOND_MS) {
      this.writeCounts();
      this.#second = now;
      this.#written = 0;
    }
    if (this.#written >= this.#lines) {
      this.#count(report);
      return;
    }
    this.#written++;
    this.#log.info(fieldsOf(report), textOf(report));
  }

  /** Writes the counts of requests that got no line. */
  writeCounts(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const { service, side, count } of this.#counted.values()) {
      this.#log.info({ service, side, count }, `Further requests had no line of their own: ${count}.`);
    }
    this.#counted.clear();
  }

  /** Writes the counts, and logs no further requests. */
  close(): void {
    this.#remove?.();
    this.#remove = null;
    this.writeCounts();
  }

  #count({ service, side }: RequestReport): void {
    const key = `${side} ${service}`;
    const counted = this.#counted.get(key);
    if (counted !== undefined) counted.count++;
    else if (this.#counted.size < MAX_COUNTED) this.#counted.set(key, { service, side, count: 1 });
    this.#timer ??= setTimeout(() => this.writeCounts(), SECOND_MS).unref();
  }
}

function textOf({ method, path, status, outcome }: RequestReport): string {
  const what = path === "" ? method : `${method} ${path}`;
  return outcome === "completed" ? `${what}: ${status}.` : `${what} failed: ${outcome}.`;
}

function fieldsOf(report: RequestReport): Record<string, unknown> {
  const { network, site, service, side, session, stream, peer, client, ...rest } = report;
  const { protocol, method, authority, path, status, grpcStatus, ms, firstByteMs } = rest;
  const { bytesToTarget, bytesToClient, outcome, attempts = 1 } = rest;
  return {
    ...{ network, site, service, side },
    ...(session === null ? {} : { session, stream }),
    ...(peer === null ? {} : { peer: peer.siteName, peerSite: peer.site }),
    ...(client === null ? {} : { client }),
    ...{ protocol, method },
    ...(authority === undefined ? {} : { authority }),
    ...{ path, status },
    ...(grpcStatus === undefined ? {} : { grpcStatus }),
    ...(attempts === 1 ? {} : { attempts }),
    ...{ bytesToTarget, bytesToClient },
    ...{ firstByteMs: firstByteMs === null ? null : tenths(firstByteMs), ms: tenths(ms), outcome },
  };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;

/**
 * The store of what is live in one network, fed by both channels. Messages are applied once for each frame, and readers
 * are told once. The channel of traffic is open only while a page wants traffic.
 */
import { LiveStatus, LiveTraffic } from "../../../../protocol/api/live.ts";
import type { TrafficQuery } from "../../../../protocol/api/traffic.ts";
import { type ChannelPhase, LiveChannel } from "./live-channel.ts";
import { applyStatus, NO_STATUS, type StatusState } from "./status-state.ts";
import { applyTraffic, NO_TRAFFIC, type TrafficState } from "./traffic-state.ts";

/** Everything that is live. It is never changed in place. */
export interface LiveState extends StatusState {
  readonly phase: ChannelPhase;
  /** When the edge was last heard, ms since 1970 by the clock of the browser; null before. */
  readonly heardAt: number | null;
  /** The edge's clock less the browser's, ms. */
  readonly clockOffset: number;
  readonly traffic: TrafficState;
  /** Null while no page wants traffic. */
  readonly trafficPhase: ChannelPhase | null;
}

const CONNECTING: ChannelPhase = { state: "connecting" };
const NOTHING: LiveState = {
  ...NO_STATUS,
  phase: CONNECTING,
  heardAt: null,
  clockOffset: 0,
  traffic: NO_TRAFFIC,
  trafficPhase: null,
};

/** How long the channel of traffic stays open without a page that wants it, ms: pages follow one another. */
const TRAFFIC_LINGER_MS = 5000;

/** How often a hidden page applies messages, ms. It has no frames. */
const HIDDEN_MS = 1000;

type Change = (state: LiveState) => LiveState;

export class LiveStore {
  readonly network: string;
  #state = NOTHING;
  readonly #readers = new Set<() => void>();
  #changes: Change[] = [];
  #frame: { readonly cancel: () => void } | null = null;
  #heardAt: number | null = null;
  #status: LiveChannel<LiveStatus> | null = null;
  #traffic: LiveChannel<LiveTraffic> | null = null;
  readonly #queries: TrafficQuery[] = [];
  #tail: string | null = null;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(network: string) {
    this.network = network;
  }

  get state(): LiveState {
    return this.#state;
  }

  /** When the edge was last heard, to the moment: ms since 1970; null before. Readers are not told of changes. */
  get heardAt(): number | null {
    return this.#heardAt;
  }

  readonly subscribe = (reader: () => void): (() => void) => {
    this.#readers.add(reader);
    return () => this.#readers.delete(reader);
  };

  /** Connects. Returns what ends it. */
  start(): () => void {
    this.#status ??= new LiveChannel({
      path: `${this.#path}/live`,
      schema: LiveStatus,
      greeting: () => [],
      onHeard: () => {
        this.#heardAt = Date.now();
      },
      onPhase: (phase) => this.#change((state) => ({ ...state, phase, heardAt: this.#heardAt })),
      onMessage: (message) => this.#onStatus(message),
    });
    return () => this.#stop();
  }

  /** Connects again at once. */
  retry(): void {
    this.#status?.reconnect();
    this.#traffic?.reconnect();
  }

  /** Wants traffic until the function that it returns is called. The latest query of all pages counts. */
  wantTraffic(query: TrafficQuery): () => void {
    this.#queries.push(query);
    this.#openTraffic();
    this.#traffic?.send({ type: "traffic", query });
    return () => {
      this.#queries.splice(this.#queries.lastIndexOf(query), 1);
      const next = this.#queries.at(-1);
      if (next !== undefined) this.#traffic?.send({ type: "traffic", query: next });
      this.#closeTrafficSoon();
    };
  }

  /** Follows records that match, until the function that it returns is called. There is one tail at a time. */
  wantTail(filter: string): () => void {
    this.#tail = filter;
    this.#change((state) => ({ ...state, traffic: { ...state.traffic, records: [], left: 0 } }));
    this.#openTraffic();
    this.#traffic?.send({ type: "tail", filter });
    return () => {
      if (this.#tail === filter) {
        this.#tail = null;
        this.#traffic?.send({ type: "untail" });
      }
      this.#closeTrafficSoon();
    };
  }

  get #path(): string {
    return `/v1/networks/${encodeURIComponent(this.network)}`;
  }

  #openTraffic(): void {
    clearTimeout(this.#linger);
    this.#traffic ??= new LiveChannel({
      path: `${this.#path}/live/traffic`,
      schema: LiveTraffic,
      greeting: () => {
        const query = this.#queries.at(-1);
        return [
          ...(query === undefined ? [] : [{ type: "traffic", query }]),
          ...(this.#tail === null ? [] : [{ type: "tail", filter: this.#tail }]),
        ];
      },
      onHeard: () => {},
      onPhase: (trafficPhase) => this.#change((state) => ({ ...state, trafficPhase })),
      onMessage: (message) => this.#onTraffic(message),
    });
  }

  #closeTrafficSoon(): void {
    clearTimeout(this.#linger);
    if (this.#queries.length > 0 || this.#tail !== null) return;
    this.#linger = setTimeout(() => {
      this.#traffic?.close();
      this.#traffic = null;
      this.#change((state) => ({ ...state, traffic: NO_TRAFFIC, trafficPhase: null }));
    }, TRAFFIC_LINGER_MS);
  }

  #stop(): void {
    clearTimeout(this.#linger);
    this.#status?.close();
    this.#traffic?.close();
    this.#status = null;
    this.#traffic = null;
    this.#frame?.cancel();
    this.#frame = null;
    this.#changes = [];
  }

  #onStatus(message: LiveStatus): void {
    if (message.type === "error") {
      this.#status?.explain(message.error.message);
      return;
    }
    const clockOffset = Date.parse(message.at) - Date.now();
    this.#change((state) => {
      const next = applyStatus(state, message);
      if (next === null) {
        this.#status?.reconnect("A message was lost.");
        return state;
      }
      return { ...state, ...next, clockOffset, heardAt: this.#heardAt };
    });
  }

  #onTraffic(message: LiveTraffic): void {
    if (message.type === "error") {
      this.#traffic?.explain(message.error.message);
      return;
    }
    this.#change((state) => ({ ...state, traffic: applyTraffic(state.traffic, message) }));
  }

  #change(change: Change): void {
    this.#changes.push(change);
    this.#frame ??= nextFrame(() => {
      this.#frame = null;
      this.#apply();
    });
  }

  #apply(): void {
    const changes = this.#changes;
    this.#changes = [];
    const before = this.#state;
    this.#state = changes.reduce((state, change) => change(state), before);
    if (this.#state !== before) for (const reader of this.#readers) reader();
  }
}

/** Calls back before the next paint; a hidden page, which has none, after {@link HIDDEN_MS}. */
function nextFrame(callback: () => void): { readonly cancel: () => void } {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    callback();
  };
  if (document.visibilityState === "visible") frame = requestAnimationFrame(run);
  timer = setTimeout(run, HIDDEN_MS);
  return {
    cancel: () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    },
  };
}

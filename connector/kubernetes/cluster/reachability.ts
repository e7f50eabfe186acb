/** Whether the API server answers, and since when. It logs outages once, and changes nothing else. */
import type { Log } from "../../log.ts";
import { OutageLog } from "../../outage-log.ts";
import type { ApiObserver } from "../api/api-client.ts";
import type { Failure } from "../api/failure.ts";

const UNAUTHORIZED = 401;

/** The API server, as requests met it. */
export interface ReachabilityState {
  /** Null before the first answer or failure. */
  readonly isUp: boolean | null;
  /** When that began, ms since 1970. */
  readonly since: number | null;
  /** Why requests fail; null while the server answers. */
  readonly problem: string | null;
}

export class Reachability implements ApiObserver {
  readonly #outage: OutageLog;
  readonly #onBack: () => void;
  #state: ReachabilityState = { isUp: null, since: null, problem: null };
  #isClosed = false;

  /** @param onBack is called when the server answers again */
  constructor(log: Log, onBack: () => void = () => undefined) {
    this.#outage = new OutageLog(log);
    this.#onBack = onBack;
  }

  get state(): ReachabilityState {
    return this.#state;
  }

  answered(status: number): void {
    if (this.#isClosed) return;
    if (status === UNAUTHORIZED) {
      const message = "The Kubernetes API server does not accept the connector's credentials.";
      this.#outage.failed({ code: "kubernetes.unauthorized" }, message);
      this.#become(false, message);
      return;
    }
    this.#outage.ended({}, (length) => `The Kubernetes API server answers again, after ${length}.`);
    const wasAway = this.#state.isUp === false;
    this.#become(true, null);
    if (wasAway) this.#onBack();
  }

  unanswered({ message }: Failure): void {
    if (this.#isClosed) return;
    const text = `The Kubernetes API server does not answer (${message.replace(/\.$/, "")}).`;
    this.#outage.failed({ code: "kubernetes.unreachable" }, text);
    this.#become(false, text);
  }

  /** From now on requests fail because the connector stops. */
  close(): void {
    this.#isClosed = true;
  }

  #become(isUp: boolean, problem: string | null): void {
    const since = this.#state.isUp === isUp ? this.#state.since : Date.now();
    this.#state = { isUp, since, problem };
  }
}

/**
 * The WebSockets between clients of doors and targets of this site (docs/protocol.md, "The public door"). Each has an
 * end of its own at the edge, apart from the session with the door, and so outlives the request that opened it.
 */
import type { WebSocket } from "ws";
import { FairleadError } from "../../protocol/errors.ts";
import type { MemoryBudget } from "../../protocol/memory-budget.ts";
import type { IngressPolicy, IngressRule } from "../config/ingress.ts";
import type { JoinedWebSocket, SwitchedTarget, WebSocketJoiner } from "../http/client/upgrade.ts";
import { WebSocketJoint } from "./websocket-joint.ts";

/** WebSockets of the clients of a hostname at one connector. */
export const MAX_OF_HOSTNAME = 1024;
/** The same of one client, so that no client takes all of them. */
export const MAX_OF_CLIENT = 64;

/** Code of a close when this side stops (RFC 6455 §7.4.1). */
const GOING_AWAY = 1001;
/** Stands for an end without a close. */
const ABNORMAL = 1006;

export interface DoorWebSocketsOptions {
  /** Dials the edge's end with its ticket. An aborted `signal` cancels the dial. */
  readonly dial: (ticket: string, signal: AbortSignal) => Promise<WebSocket>;
  readonly ingress: IngressPolicy;
  readonly memory: MemoryBudget;
}

interface Open {
  readonly joint: WebSocketJoint;
  readonly service: string;
  readonly rule: IngressRule | undefined;
}

export class DoorWebSockets implements WebSocketJoiner {
  readonly #options: DoorWebSocketsOptions;
  readonly #open = new Set<Open>();
  readonly #counts = new Map<string, number>();

  constructor(options: DoorWebSocketsOptions) {
    this.#options = options;
  }

  /** WebSockets that are open now. */
  get count(): number {
    return this.#open.size;
  }

  admit(hostname: string, client: string): () => void {
    const limits = [
      [hostname, MAX_OF_HOSTNAME],
      [`${hostname} ${client}`, MAX_OF_CLIENT],
    ] as const;
    for (const [key, most] of limits) {
      if ((this.#counts.get(key) ?? 0) >= most) throw new FairleadError("service.overloaded");
    }
    for (const [key] of limits) this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      for (const [key] of limits) {
        const left = (this.#counts.get(key) ?? 1) - 1;
        if (left === 0) this.#counts.delete(key);
        else this.#counts.set(key, left);
      }
    };
  }

  join({ hostname, service, ticket, target, flow, signal, ended }: SwitchedTarget): JoinedWebSocket {
    const { dial, ingress, memory } = this.#options;
    const account = doorAccount(hostname);
    const joint = new WebSocketJoint({
      ...{ target, flow, memory: memory.open(account) },
      ended: (error) => {
        this.#open.delete(open);
        memory.close(account);
        ended(error);
      },
    });
    const open: Open = { joint, service, rule: ingress.find(hostname) };
    this.#open.add(open);
    const cancelled = (): void => joint.close(ABNORMAL, "", new FairleadError("stream.cancelled"));
    signal.addEventListener("abort", cancelled, { once: true });
    const opened = dial(ticket, signal).then(
      (edge) => {
        signal.removeEventListener("abort", cancelled);
        joint.open(edge);
        if (joint.isOver)
          throw new FairleadError("exchange.failed", "The target ended its WebSocket at once.");
      },
      (error: unknown) => {
        signal.removeEventListener("abort", cancelled);
        joint.close(ABNORMAL, "");
        throw error;
      },
    );
    return { events: joint, opened };
  }

  /** Ends the WebSockets whose hostname leads elsewhere by this site's configuration, or to other callers. */
  review(): void {
    const { ingress } = this.#options;
    this.#end(GOING_AWAY, ({ rule }) => rule === undefined || !ingress.rules.includes(rule));
  }

  /** Ends the WebSockets of services that the network does not let this site offer. */
  forbid(services: readonly string[]): void {
    const error = new FairleadError("service.forbidden");
    this.#end(GOING_AWAY, ({ service }) => services.includes(service), error);
  }

  /** Closes all WebSockets, whose clients may come back through another connector. */
  drain(): void {
    this.#end(GOING_AWAY, () => true);
  }

  /** Ends all WebSockets without a close. */
  end(error: FairleadError): void {
    this.#end(ABNORMAL, () => true, error);
  }

  #end(code: number, isEnded: (open: Open) => boolean, error: FairleadError | null = null): void {
    for (const open of [...this.#open]) if (isEnded(open)) open.joint.close(code, error?.code ?? "", error);
  }
}

/** The account of what the clients of a hostname make this process hold beside the sessions with its doors. */
const doorAccount = (hostname: string): string => `door ${hostname}`;

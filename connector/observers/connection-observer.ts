/**
 * Observes one connection of a client. The first bytes decide the protocol; a connection of another protocol, or with
 * bytes that its protocol does not have, is no longer observed from then on. Nothing is thrown, altered or delayed.
 */
import type { Flow, FlowOutcome, TrafficObserver } from "../relay/flow.ts";
import type { RequestReports } from "../relay/request-report.ts";
import { Http1Observer } from "./http1-observer.ts";
import { Http2Observer } from "./http2-observer.ts";
import type { OnRequest } from "./observed-request.ts";
import type { PartialBytesBudget } from "./partial-bytes.ts";
import type { ProtocolObserver } from "./protocol-observer.ts";
import { recognise } from "./recognise.ts";

export class ConnectionObserver implements TrafficObserver {
  readonly #flow: Flow;
  readonly #reports: RequestReports;
  readonly #budget: PartialBytesBudget;
  /** Null until the protocol is known. */
  #protocol: ProtocolObserver | null = null;
  /** The client's first bytes, as long as they do not decide the protocol. At most a few. */
  #first: Buffer | null = null;

  constructor(flow: Flow, reports: RequestReports, budget: PartialBytesBudget) {
    this.#flow = flow;
    this.#reports = reports;
    this.#budget = budget;
  }

  toTarget(chunk: Buffer): void {
    try {
      if (this.#protocol !== null) this.#protocol.toTarget(chunk);
      else this.#begin(chunk);
    } catch {
      this.#stop();
    }
  }

  toClient(chunk: Buffer): void {
    try {
      // In HTTP the client speaks first.
      if (this.#protocol === null) this.#stop();
      else this.#protocol.toClient(chunk);
    } catch {
      this.#stop();
    }
  }

  ended(outcome: FlowOutcome): void {
    this.#flow.traffic = null;
    try {
      this.#protocol?.ended(outcome);
    } catch {
      this.#stop();
    }
  }

  #begin(chunk: Buffer): void {
    const bytes = this.#first === null ? chunk : Buffer.concat([this.#first, chunk]);
    const protocol = recognise(bytes);
    if (protocol === "other") this.#stop();
    else if (protocol === "undecided") this.#first = Buffer.from(bytes);
    else {
      this.#first = null;
      const Observer = protocol === "http1" ? Http1Observer : Http2Observer;
      this.#protocol = new Observer(this.#report, this.#budget);
      this.#protocol.toTarget(bytes);
    }
  }

  #stop(): void {
    this.#flow.traffic = null;
    this.#first = null;
    this.#protocol?.close();
    this.#protocol = null;
  }

  readonly #report: OnRequest = (request, outcome, now) => {
    this.#reports.requestEnded(request.report(this.#flow, outcome, now));
  };
}

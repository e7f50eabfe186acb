/** An observed connection in a test: bytes go in, reports come out. */
import { silent } from "../../../connector/log.ts";
import { Observers } from "../../../connector/observers/observers.ts";
import type { Flow } from "../../../connector/relay/flow.ts";
import { Relay } from "../../../connector/relay/relay.ts";
import type { RequestReport } from "../../../connector/relay/request-report.ts";
import { FairleadError } from "../../../protocol/errors.ts";

export class Observation {
  readonly reports: RequestReport[] = [];
  readonly flow: Flow;

  constructor(service = "api", observers?: Observers) {
    const relay = new Relay({ network: "network-test", site: "site-test", log: silent });
    relay.requests.add({ requestEnded: (report) => this.reports.push(report) });
    this.flow = relay.start({ side: "listener", service, client: "127.0.0.1:5000" });
    this.flow.traffic = (observers ?? new Observers(relay.requests)).of(this.flow);
  }

  /** Whether the connection is observed still. */
  get isOn(): boolean {
    return this.flow.traffic !== null;
  }

  toTarget(...chunks: readonly (string | Uint8Array)[]): this {
    for (const chunk of chunks) this.flow.observe(bytesOf(chunk), this.flow.toTarget);
    return this;
  }

  toClient(...chunks: readonly (string | Uint8Array)[]): this {
    for (const chunk of chunks) this.flow.observe(bytesOf(chunk), this.flow.toClient);
    return this;
  }

  /** Ends the flow; with an error when it is reset. */
  end(isReset = false): this {
    this.flow.end(isReset ? new FairleadError("stream.cancelled") : null);
    return this;
  }

  /** The reports in short, such as `GET /a 200`. */
  get texts(): string[] {
    return this.reports.map(({ protocol, method, path, status, grpcStatus, outcome }) =>
      [
        ...(protocol === "http1" ? [] : [protocol]),
        ...[method, path, status],
        ...(grpcStatus === undefined ? [] : [`grpc-status ${grpcStatus}`]),
        ...(outcome === "completed" ? [] : [outcome]),
      ].join(" "),
    );
  }
}

/** A chunk with bytes of its own, as a socket hands it over. */
function bytesOf(chunk: string | Uint8Array): Buffer {
  return typeof chunk === "string" ? Buffer.from(chunk, "latin1") : Buffer.from(chunk);
}

/** Cuts bytes at places between 0 and 1. */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => Math.floor(place * bytes.length)))].sort((a, b) => a - b);
  return [0, ...at].map((from, index) => bytes.subarray(from, at[index] ?? bytes.length));
}

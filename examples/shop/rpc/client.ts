/** A client of one service. It finds the address again by itself when the service was away. */
import { Client, credentials, type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { MethodName, RequestOf, ResponseOf, ServiceName } from "./contract.ts";
import { methodOf, SERVED_BY } from "./definitions.ts";

/** The longest that a call may take unless its caller says otherwise, ms. */
const LIMIT_MS = 10_000;

const OPTIONS = {
  // A service that is away is tried again soon, and asked for by name again.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.dns_min_time_between_resolutions_ms": 500,
  // There is no service configuration in DNS.
  "grpc.service_config_disable_resolution": 1,
  "grpc.enable_http_proxy": 0,
};

export interface CallOptions {
  /** Is told of the call when it has ended. */
  readonly note?: (call: CallNote) => void;
  /** The longest that the call may take, ms. */
  readonly limitMs?: number;
}

/** A call that ended. */
export interface CallNote {
  /** Without the name of its package. */
  readonly service: string;
  readonly method: string;
  /** The cluster of the server that answered; empty where none did. */
  readonly cluster: string;
  readonly ms: number;
  /** The name of its status, such as UNAVAILABLE; null for a call that succeeded. */
  readonly failure: string | null;
}

export class ServiceClient<S extends ServiceName> {
  readonly #service: S;
  readonly #client: Client;

  /**
   * @param address `HOST:PORT`, or `dns://SERVER:PORT/NAME:PORT` for a name that this DNS server knows. grpc-js 1.14 asks
   * that server only where GRPC_NODE_USE_ALTERNATIVE_RESOLVER is `true`.
   */
  constructor(service: S, address: string) {
    this.#service = service;
    this.#client = new Client(address, credentials.createInsecure(), OPTIONS);
  }

  /** Calls a method. @throws ServiceError with the status of the call */
  call<M extends MethodName<S>>(
    method: M,
    request: RequestOf<S, M>,
    { note, limitMs = LIMIT_MS }: CallOptions = {},
  ): Promise<ResponseOf<S, M>> {
    const { path, requestSerialize, responseDeserialize } = methodOf(this.#service, method);
    const began = performance.now();
    let cluster = "";
    const { promise, resolve, reject } = Promise.withResolvers<ResponseOf<S, M>>();
    const end = (error: ServiceError | null, response?: ResponseOf<S, M>) => {
      const failure = error === null ? null : (status[error.code] ?? String(error.code));
      const service = this.#service.replace(/^.*\./, "");
      note?.({ service, method, cluster, ms: Math.round(performance.now() - began), failure });
      if (error === null && response !== undefined) resolve(response);
      else reject(error ?? new Error(`${this.#service} answered nothing.`));
    };
    const deadline = Date.now() + limitMs;
    this.#client
      .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, { deadline }, end)
      .on("metadata", (metadata: Metadata) => {
        cluster = metadata.get(SERVED_BY).join("");
      });
    return promise;
  }

  close(): void {
    this.#client.close();
  }
}

/** Makes a client for the address in a variable of the environment. @throws Error without it */
export function clientOf<S extends ServiceName>(service: S, variable: string): ServiceClient<S> {
  const address = process.env[variable];
  if (address === undefined || address === "") throw new Error(`${variable} names no address.`);
  return new ServiceClient(service, address);
}

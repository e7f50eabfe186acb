/** A server of gRPC's interoperability tests on grpc-js, which counts what reaches it. */
import {
  type handleBidiStreamingCall,
  type handleClientStreamingCall,
  type handleServerStreamingCall,
  type handleUnaryCall,
  Metadata,
  Server,
  ServerCredentials,
  type ServerOptions,
  status,
} from "@grpc/grpc-js";
import {
  type EchoStatus,
  type Empty,
  HEALTH_SERVICE,
  type HealthRequest,
  type HealthResponse,
  type InputRequest,
  type InputResponse,
  type OutputRequest,
  type OutputResponse,
  type SimpleRequest,
  type SimpleResponse,
  TEST_SERVICE,
} from "./definitions.ts";

export const ECHO_INITIAL = "x-grpc-test-echo-initial";
export const ECHO_TRAILING = "x-grpc-test-echo-trailing-bin";
/** Metadata that the server gives back as the details of its status. */
export const ECHO_DETAILS = "x-grpc-test-echo-details-bin";
export const STATUS_DETAILS = "grpc-status-details-bin";

export interface InteropServer {
  /** `HOST:PORT` */
  readonly at: string;
  /** Calls that reached a method. */
  readonly calls: number;
  /** Calls whose client cancelled them, or whose deadline passed. */
  readonly cancelled: number;
  /** The metadata of the last call. */
  readonly metadata: Metadata;
  /** The deadline of the last call, ms since 1970; infinite for none. */
  readonly deadline: number;
  /** Whether the health service reports that the server serves. */
  isServing: boolean;
  /** Ends every connection at once. */
  close(): Promise<void>;
}

export async function serveInterop(
  host = "127.0.0.1",
  { port = 0, options = {} }: { readonly port?: number; readonly options?: ServerOptions } = {},
): Promise<InteropServer> {
  const state = { calls: 0, cancelled: 0, metadata: new Metadata(), deadline: 0, isServing: true };
  const begin = (call: {
    readonly metadata: Metadata;
    getDeadline(): Date | number;
    sendMetadata(metadata: Metadata): void;
    on(event: "cancelled", listener: () => void): unknown;
  }): Metadata => {
    state.calls++;
    state.metadata = call.metadata;
    state.deadline = Number(call.getDeadline());
    call.on("cancelled", () => {
      state.cancelled++;
    });
    const initial = new Metadata();
    for (const value of call.metadata.get(ECHO_INITIAL)) initial.add(ECHO_INITIAL, value);
    call.sendMetadata(initial);
    const trailing = new Metadata();
    for (const value of call.metadata.get(ECHO_TRAILING)) trailing.add(ECHO_TRAILING, value);
    for (const value of call.metadata.get(ECHO_DETAILS)) trailing.add(STATUS_DETAILS, value);
    return trailing;
  };

  const emptyCall: handleUnaryCall<Empty, Empty> = (call, done) => done(null, {}, begin(call));
  const unaryCall: handleUnaryCall<SimpleRequest, SimpleResponse> = (call, done) => {
    const trailing = begin(call);
    const error = errorOf(call.request.response_status, trailing);
    if (error !== null) done(error);
    else done(null, { payload: zeros(call.request.response_size ?? 0) }, trailing);
  };
  const inputCall: handleClientStreamingCall<InputRequest, InputResponse> = (call, done) => {
    const trailing = begin(call);
    let size = 0;
    call.on("data", ({ payload }: InputRequest) => {
      size += payload?.body.length ?? 0;
    });
    call.on("end", () => done(null, { aggregated_payload_size: size }, trailing));
  };
  const outputCall: handleServerStreamingCall<OutputRequest, OutputResponse> = (call) => {
    const trailing = begin(call);
    const { response_parameters = [] } = call.request;
    const next = (index: number): void => {
      const parameters = response_parameters[index];
      if (call.cancelled) return;
      if (parameters === undefined) {
        call.end(trailing);
        return;
      }
      const write = () => {
        if (call.cancelled) return;
        if (call.write({ payload: zeros(parameters.size) })) next(index + 1);
        else call.once("drain", () => next(index + 1));
      };
      if (parameters.interval_us) setTimeout(write, parameters.interval_us / 1000);
      else write();
    };
    next(0);
  };
  const duplexCall: handleBidiStreamingCall<OutputRequest, OutputResponse> = (call) => {
    const trailing = begin(call);
    call.on("data", (request: OutputRequest) => {
      const error = errorOf(request.response_status, trailing);
      if (error !== null) call.emit("error", error);
      for (const { size } of request.response_parameters ?? []) call.write({ payload: zeros(size) });
    });
    call.on("end", () => call.end(trailing));
  };
  const healthOf = (): HealthResponse => ({ status: state.isServing ? "SERVING" : "NOT_SERVING" });
  const check: handleUnaryCall<HealthRequest, HealthResponse> = (call, done) => {
    if (call.request.service === "") done(null, healthOf());
    else done({ code: status.NOT_FOUND, details: "unknown service" });
  };
  const watch: handleServerStreamingCall<HealthRequest, HealthResponse> = (call) => {
    call.write(healthOf());
  };

  const server = new Server({ "grpc.max_receive_message_length": 64 * 1024 * 1024, ...options });
  server.addService(TEST_SERVICE, {
    EmptyCall: emptyCall,
    UnaryCall: unaryCall,
    StreamingInputCall: inputCall,
    StreamingOutputCall: outputCall,
    FullDuplexCall: duplexCall,
  });
  server.addService(HEALTH_SERVICE, { Check: check, Watch: watch });
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${port}`, ServerCredentials.createInsecure(), (error, taken) =>
      error === null ? resolve(taken) : reject(error),
    );
  });
  return {
    at: `${host}:${bound}`,
    get calls() {
      return state.calls;
    },
    get cancelled() {
      return state.cancelled;
    },
    get metadata() {
      return state.metadata;
    },
    get deadline() {
      return state.deadline;
    },
    get isServing() {
      return state.isServing;
    },
    set isServing(serving) {
      state.isServing = serving;
    },
    close: async () => server.forceShutdown(),
  };
}

function errorOf(asked: EchoStatus | null | undefined, metadata: Metadata) {
  if (asked === null || asked === undefined || asked.code === status.OK) return null;
  return { code: asked.code, details: asked.message, metadata };
}

function zeros(size: number): { body: Uint8Array } {
  return { body: Buffer.alloc(size) };
}

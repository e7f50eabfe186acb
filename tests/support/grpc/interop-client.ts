/** A client of gRPC's interoperability tests on grpc-js: one channel, and the four kinds of calls. */
import type { EventEmitter } from "node:events";
import {
  type CallOptions,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  type StatusObject,
} from "@grpc/grpc-js";

/** The result of a call. */
export interface CallResult<Response> {
  readonly responses: readonly Response[];
  readonly initial: Metadata;
  readonly status: StatusObject;
}

export interface CallSettings extends CallOptions {
  readonly metadata?: Metadata;
}

export class InteropClient {
  readonly #client: Client;

  /** @param at `HOST:PORT` */
  constructor(at: string, options: ChannelOptions = {}) {
    this.#client = new Client(at, credentials.createInsecure(), {
      "grpc.max_receive_message_length": 64 * 1024 * 1024,
      // Each client has connections of its own.
      "grpc.use_local_subchannel_pool": 1,
      ...options,
    });
  }

  /** Calls a method with one request and one response. */
  async unary<Request, Response>(
    method: MethodDefinition<Request, Response>,
    request: Request,
    settings: CallSettings = {},
  ): Promise<CallResult<Response>> {
    const { metadata = new Metadata(), ...options } = settings;
    const { path, requestSerialize, responseDeserialize } = method;
    let response: Response | undefined;
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (_, value) => {
        response = value;
      },
    );
    const { initial, status } = await ended(call);
    return { responses: response === undefined ? [] : [response], initial, status };
  }

  /** Calls a method with many requests and one response. */
  input<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    { metadata = new Metadata(), ...options }: CallSettings = {},
  ): { call: ClientWritableStream<Request>; result: Promise<CallResult<Response>> } {
    let response: Response | undefined;
    const call = this.#client.makeClientStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      options,
      (_: ServiceError | null, value?: Response) => {
        response = value;
      },
    );
    const result = ended(call).then((end) => ({
      ...end,
      responses: response === undefined ? [] : [response],
    }));
    return { call, result };
  }

  /** Calls a method with one request and many responses. */
  output<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    request: Request,
    { metadata = new Metadata(), ...options }: CallSettings = {},
  ): { call: ClientReadableStream<Response>; result: Promise<CallResult<Response>> } {
    const call = this.#client.makeServerStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
    );
    return { call, result: collected(call) };
  }

  /** Calls a method with many requests and many responses. */
  duplex<Request, Response>(
    { path, requestSerialize, responseDeserialize }: MethodDefinition<Request, Response>,
    { metadata = new Metadata(), ...options }: CallSettings = {},
  ): { call: ClientDuplexStream<Request, Response>; result: Promise<CallResult<Response>> } {
    const call = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      metadata,
      options,
    );
    return { call, result: collected(call) };
  }

  close(): void {
    this.#client.close();
  }
}

async function collected<Response>(call: ClientReadableStream<Response>): Promise<CallResult<Response>> {
  const responses: Response[] = [];
  call.on("data", (response: Response) => responses.push(response));
  return { ...(await ended(call)), responses };
}

async function ended(call: EventEmitter): Promise<{ initial: Metadata; status: StatusObject }> {
  let initial = new Metadata();
  call.on("metadata", (metadata: Metadata) => {
    initial = metadata;
  });
  // The status has everything that an error has.
  call.on("error", () => {});
  const status = await new Promise<StatusObject>((resolve) => call.on("status", resolve));
  return { initial, status };
}

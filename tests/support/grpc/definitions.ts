/** The services of gRPC's interoperability tests and of its health checks, with the forms of their messages. */
import { join } from "node:path";
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

export interface Payload {
  readonly type?: number;
  readonly body: Uint8Array;
}

export interface EchoStatus {
  readonly code: number;
  readonly message: string;
}

export type Empty = Readonly<Record<string, never>>;

export interface SimpleRequest {
  readonly response_size?: number;
  readonly payload?: Payload | null;
  readonly response_status?: EchoStatus | null;
}

export interface SimpleResponse {
  readonly payload?: Payload | null;
}

export interface InputRequest {
  readonly payload?: Payload | null;
}

export interface InputResponse {
  readonly aggregated_payload_size: number;
}

export interface OutputRequest {
  readonly response_parameters?: readonly { readonly size: number; readonly interval_us?: number }[];
  readonly payload?: Payload | null;
  readonly response_status?: EchoStatus | null;
}

export type OutputResponse = SimpleResponse;

export interface HealthRequest {
  readonly service: string;
}

export interface HealthResponse {
  readonly status: "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";
}

const packages = loadSync(["interop.proto", "health.proto"], {
  includeDirs: [import.meta.dirname],
  keepCase: true,
  enums: String,
  defaults: true,
});

/** The definitions as descriptors of Protocol Buffers, for peers in other languages. */
export const DESCRIPTORS: readonly Buffer[] = Object.values(packages)
  .flatMap(({ fileDescriptorProtos: files }): Buffer[] => (Array.isArray(files) ? files : []))
  .filter((each, index, all) => all.findIndex((other) => each.equals(other)) === index);

/** Path of the definition of the tests' service. */
export const INTEROP_PROTO = join(import.meta.dirname, "interop.proto");

function serviceOf(name: string): ServiceDefinition {
  const found = packages[name];
  if (found === undefined || "format" in found) throw new Error(`There is no service ${name}.`);
  return found;
}

function methodOf<Request, Response>(
  service: ServiceDefinition,
  name: string,
): MethodDefinition<Request, Response> {
  const method = service[name];
  if (method === undefined) throw new Error(`There is no method ${name}.`);
  // The interfaces above are the messages of the .proto files.
  return method as MethodDefinition<Request, Response>;
}

export const TEST_SERVICE = serviceOf("grpc.testing.TestService");
export const HEALTH_SERVICE = serviceOf("grpc.health.v1.Health");
const UNIMPLEMENTED_SERVICE = serviceOf("grpc.testing.UnimplementedService");

export const METHODS = {
  emptyCall: methodOf<Empty, Empty>(TEST_SERVICE, "EmptyCall"),
  unaryCall: methodOf<SimpleRequest, SimpleResponse>(TEST_SERVICE, "UnaryCall"),
  streamingOutputCall: methodOf<OutputRequest, OutputResponse>(TEST_SERVICE, "StreamingOutputCall"),
  streamingInputCall: methodOf<InputRequest, InputResponse>(TEST_SERVICE, "StreamingInputCall"),
  fullDuplexCall: methodOf<OutputRequest, OutputResponse>(TEST_SERVICE, "FullDuplexCall"),
  unimplementedCall: methodOf<Empty, Empty>(TEST_SERVICE, "UnimplementedCall"),
  unimplementedService: methodOf<Empty, Empty>(UNIMPLEMENTED_SERVICE, "UnimplementedCall"),
  healthCheck: methodOf<HealthRequest, HealthResponse>(HEALTH_SERVICE, "Check"),
  healthWatch: methodOf<HealthRequest, HealthResponse>(HEALTH_SERVICE, "Watch"),
};

/** The services of the .proto files, as grpc-js takes them. */
import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { MethodName, RequestOf, ResponseOf, ServiceName } from "./contract.ts";

const packages = loadSync(["shop.proto", "health.proto"], {
  includeDirs: [import.meta.dirname],
  longs: Number,
  enums: String,
  defaults: true,
});

/** The metadata by which a server says in which cluster it runs. */
export const SERVED_BY = "served-by";

export function definitionOf(service: ServiceName): ServiceDefinition {
  const found = packages[service];
  if (found === undefined || "format" in found) throw new Error(`The .proto files have no ${service}.`);
  return found;
}

export function methodOf<S extends ServiceName, M extends MethodName<S>>(
  service: S,
  name: M,
): MethodDefinition<RequestOf<S, M>, ResponseOf<S, M>> {
  const method = Object.values(definitionOf(service)).find(({ originalName }) => originalName === name);
  if (method === undefined) throw new Error(`${service} has no method ${name}.`);
  // The contract has the messages of the .proto files.
  return method as MethodDefinition<RequestOf<S, M>, ResponseOf<S, M>>;
}

/**
 * The server of a service: `serve` in each program of services/.
 *
 * Its environment has HOST and PORT, where it listens, and CLUSTER, the name of its cluster. It prints a line of JSON
 * once it listens, and ends at SIGTERM.
 */
import { type handleUnaryCall, Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { MethodName, RequestOf, ResponseOf, ServiceName } from "./contract.ts";
import { definitionOf, SERVED_BY } from "./definitions.ts";

/** The method's work. @throws CallError for a status of its own */
export type Handlers<S extends ServiceName> = {
  readonly [M in MethodName<S>]: (request: RequestOf<S, M>) => Promise<ResponseOf<S, M>> | ResponseOf<S, M>;
};

/** A failure that the client is told with its status. */
export class CallError extends Error {
  readonly code: status;

  constructor(code: keyof typeof status, message: string) {
    super(message);
    this.code = status[code];
  }
}

type Handler = (request: never) => unknown;

/** Serves one service and the health check. `name`: of the program, as the system shows it. */
export async function serve<S extends ServiceName>(
  name: string,
  service: S,
  handlers: Handlers<S>,
): Promise<void> {
  process.title = name;
  const { HOST = "127.0.0.1", PORT = "0", CLUSTER = "" } = process.env;
  const servedBy = new Metadata();
  servedBy.set(SERVED_BY, CLUSTER);

  const unary =
    (handle: Handler): handleUnaryCall<unknown, unknown> =>
    async (call, done) => {
      call.sendMetadata(servedBy);
      try {
        // grpc-js decodes requests as the contract has them.
        done(null, await handle(call.request as never));
      } catch (error) {
        const details = error instanceof Error ? error.message : String(error);
        done({ code: error instanceof CallError ? error.code : status.INTERNAL, details });
      }
    };
  const server = new Server();
  const methods = Object.entries(handlers as Readonly<Record<string, Handler>>);
  server.addService(
    definitionOf(service),
    Object.fromEntries(methods.map(([method, handle]) => [method, unary(handle)])),
  );
  server.addService(definitionOf("grpc.health.v1.Health"), { check: unary(() => ({ status: "SERVING" })) });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${HOST}:${PORT}`, ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  process.once("SIGTERM", () => {
    server.forceShutdown();
    process.exit(0);
  });
  console.log(JSON.stringify({ service: name, listening: `${HOST}:${port}` }));
}

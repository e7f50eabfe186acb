/** The request of an HTTP check. */
import { request } from "node:http";
import { connect, constants } from "node:http2";
import type { Duplex } from "node:stream";
import { FairleadError } from "../../../protocol/errors.ts";
import type { HealthCheck } from "../../config/health-options.ts";

type HttpCheck = Extract<HealthCheck, { kind: "http" }>;

export interface HttpTarget {
  /** `HOST:PORT` */
  readonly target: string;
  /** Whether the connection speaks HTTP/2. */
  readonly isHttp2: boolean;
}

const USER_AGENT = "fairlead-health";

/** Requests the path of the check. Returns null if the status is as expected. @throws the error of the connection. */
export async function httpProblem(
  socket: Duplex,
  check: HttpCheck,
  { target, isHttp2 }: HttpTarget,
): Promise<FairleadError | null> {
  const { path, host = target, status: expected } = check;
  const status = await (isHttp2 ? statusOfHttp2 : statusOfHttp1)(socket, host, path);
  if (status >= expected.from && status <= expected.to) return null;
  return new FairleadError(
    "service.check_failed",
    `The target ${target} answered GET ${path} with status ${status}.`,
  );
}

function statusOfHttp1(socket: Duplex, host: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host, "user-agent": USER_AGENT, accept: "*/*", connection: "close" };
    const call = request({ createConnection: () => socket, path, headers, setHost: false });
    call.on("error", reject);
    call.on("response", (response) => {
      resolve(response.statusCode ?? 0);
      // The status decides; what follows is not read.
      socket.destroy();
    });
    call.end();
  });
}

function statusOfHttp2(socket: Duplex, host: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connect("http://check.invalid", { createConnection: () => socket });
    session.on("error", reject);
    // Node 24.21 leaves a session open whose server only ended its side.
    socket.once("end", () => setImmediate(() => session.destroy()));
    const call = session.request({
      [constants.HTTP2_HEADER_PATH]: path,
      [constants.HTTP2_HEADER_AUTHORITY]: host,
      "user-agent": USER_AGENT,
    });
    call.on("error", reject);
    call.on("response", (headers) => {
      resolve(Number(headers[":status"]));
      session.destroy();
    });
    call.on("close", () => reject(new Error(NO_ANSWER)));
    call.end();
  });
}

export const NO_ANSWER = "the connection was closed";

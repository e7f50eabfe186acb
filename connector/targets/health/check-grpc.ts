/**
 * The call of a gRPC check: grpc.health.v1.Health/Check, over HTTP/2
 * (https://github.com/grpc/grpc/blob/master/doc/health-checking.md). The two messages have one field each, and are
 * encoded here by hand.
 */
import { connect, type IncomingHttpHeaders } from "node:http2";
import type { Duplex } from "node:stream";
import { FairleadError } from "../../../protocol/errors.ts";
import type { HealthCheck } from "../../config/health-options.ts";
import { NO_ANSWER } from "./check-http.ts";

type GrpcCheck = Extract<HealthCheck, { kind: "grpc" }>;

/** The values of ServingStatus. */
const STATUSES = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"] as const;

const UNIMPLEMENTED = "12";

/** The longest answer that is read, bytes. */
const MAX_ANSWER = 1024;

interface Answer {
  readonly httpStatus: number;
  /** The trailers, or the headers of an answer that consists of them alone. */
  readonly end: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Calls the health service. Returns null if it says SERVING. @throws the error of the connection. */
export async function grpcProblem(
  socket: Duplex,
  { service = "", optional }: GrpcCheck,
  target: string,
): Promise<FairleadError | null> {
  const { httpStatus, end, body } = await call(socket, encodeRequest(service), target);
  const subject = service === "" ? "" : ` for ${service}`;
  const failed = (why: string, action?: string) =>
    new FairleadError("service.check_failed", `The target ${target} ${why}.`, { action });
  if (httpStatus !== 200) return failed(`answered the gRPC check with HTTP status ${httpStatus}`);
  const code = String(end["grpc-status"] ?? "2");
  if (code === UNIMPLEMENTED && optional === true) return null;
  if (code === UNIMPLEMENTED) {
    return failed(
      "does not offer the gRPC health service",
      "Add grpc.health.v1.Health to the server, or use another check: `--health NAME=tcp`.",
    );
  }
  if (code !== "0") return failed(`answered the gRPC check${subject} with gRPC status ${code}`);
  const status = STATUSES[servingStatus(body)] ?? "UNKNOWN";
  return status === "SERVING" ? null : failed(`reports ${status}${subject}`);
}

function call(socket: Duplex, message: Buffer, authority: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const session = connect("http://check.invalid", { createConnection: () => socket });
    session.on("error", reject);
    // Node 24.21 leaves a session open whose server only ended its side.
    socket.once("end", () => setImmediate(() => session.destroy()));
    const stream = session.request({
      ":method": "POST",
      ":path": "/grpc.health.v1.Health/Check",
      ":authority": authority,
      "content-type": "application/grpc",
      te: "trailers",
      "user-agent": "fairlead-health",
    });
    let head: IncomingHttpHeaders & { ":status"?: number } = {};
    let trailers: IncomingHttpHeaders | null = null;
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on("response", (headers) => {
      head = headers;
    });
    stream.on("trailers", (headers) => {
      trailers = headers;
    });
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_ANSWER) chunks.push(chunk);
      else stream.close();
    });
    stream.on("error", reject);
    stream.on("close", () => {
      const httpStatus = head[":status"];
      if (httpStatus === undefined) reject(new Error(NO_ANSWER));
      else resolve({ httpStatus, end: trailers ?? head, body: Buffer.concat(chunks) });
      session.destroy();
    });
    stream.end(message);
  });
}

/** HealthCheckRequest { string service = 1 }, behind the five bytes of a gRPC message that is not compressed. */
export function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

function varint(value: number): Buffer {
  return value < 0x80 ? Buffer.from([value]) : Buffer.from([(value & 0x7f) | 0x80, value >> 7]);
}

/** The status in HealthCheckResponse { ServingStatus status = 1 }; 0 where the message has none, as in proto3. */
export function servingStatus(body: Buffer): number {
  const compressed = body[0] !== 0;
  if (body.length < 7 || compressed) return 0;
  const message = body.subarray(5, 5 + body.readUInt32BE(1));
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}

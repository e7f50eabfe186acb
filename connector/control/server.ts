/** The HTTP server on a Unix socket in the state directory. Only the owner of the directory can connect. */
import { chmod, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { join } from "node:path";
import type { Hono } from "hono";
import { MAX_BODY } from "../../protocol/api/envelope.ts";
import { FairleadError, toErrorBody } from "../../protocol/errors.ts";
import { stateError } from "../state/errors.ts";
import { CONTROL_SOCKET } from "./schema.ts";

/** Longest path of a Unix socket that works on every system, bytes. */
export const MAX_SOCKET_PATH = 100;

/** Longest path of a state directory, bytes. */
const MAX_STATE_PATH = MAX_SOCKET_PATH - CONTROL_SOCKET.length - 1;

/** The path of the control socket. @throws FairleadError `state.path_too_long`. */
export function controlPath(stateDir: string): string {
  const path = join(stateDir, CONTROL_SOCKET);
  const length = Buffer.byteLength(path);
  if (length > MAX_SOCKET_PATH) {
    throw new FairleadError(
      "state.path_too_long",
      `${path} has ${length} bytes; a socket's path has at most ${MAX_SOCKET_PATH}.`,
      { action: `Choose a shorter --state directory: its path may have ${MAX_STATE_PATH} bytes.` },
    );
  }
  return path;
}

export interface ControlServer {
  close(): Promise<void>;
}

/**
 * Serves `app` on the control socket. The caller holds the lock of `stateDir`, so an existing socket belongs to no
 * process and is replaced.
 * @throws FairleadError state.path_too_long, state.unwritable.
 */
export async function serveControl(stateDir: string, app: Hono): Promise<ControlServer> {
  const path = controlPath(stateDir);
  const server = createServer((request, response) => {
    answer(app, request, response).catch(() => response.destroy());
  });
  server.requestTimeout = 10_000;
  try {
    await rm(path, { force: true });
    await listen(server, path);
    await chmod(path, 0o600);
  } catch (cause) {
    server.close();
    throw stateError(cause, path);
  }
  return {
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(path, { force: true });
    },
  };
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve();
    });
  });
}

async function answer(app: Hono, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === null) return refuse(response, new FairleadError("request.too_large"));
  const method = request.method ?? "GET";
  const url = URL.parse(request.url ?? "/", "http://connector");
  if (url === null) return refuse(response, new FairleadError("route.unknown"));
  const hasBody = method !== "GET" && method !== "HEAD" && body.length > 0;
  const result = await app.fetch(new Request(url, { method, body: hasBody ? body : undefined }));
  response.writeHead(result.status, Object.fromEntries(result.headers));
  response.end(Buffer.from(await result.arrayBuffer()));
}

function refuse(response: ServerResponse, error: FairleadError): void {
  response.writeHead(error.entry.status, { "content-type": "application/json" });
  response.end(JSON.stringify({ error: toErrorBody(error), requestId: "local" }));
}

/** Null when the body is longer than {@link MAX_BODY}. */
async function readBody(request: IncomingMessage): Promise<Buffer<ArrayBuffer> | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read to the end: a client whose request is cut off does not read the answer.
    if (size <= MAX_BODY) chunks.push(chunk);
  }
  return size > MAX_BODY ? null : Buffer.concat(chunks);
}

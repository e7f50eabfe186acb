/** Error responses of the front, in the form of the Worker's. */
import type { ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { type FairleadError, toErrorBody } from "../../../protocol/errors.ts";

interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function refusalOf(error: FairleadError): Refusal {
  const body = JSON.stringify({ error: toErrorBody(error), requestId: crypto.randomUUID() });
  const headers = {
    "content-type": "application/json",
    "content-length": String(Buffer.byteLength(body)),
    "cache-control": "no-store",
    connection: "close",
    ...(error.entry.retry ? { "retry-after": "1" } : {}),
  };
  return { status: error.entry.status, headers, body };
}

/** Responds to a request with an error, and closes its connection. */
export function refuse(answer: ServerResponse, error: FairleadError): void {
  const { status, headers, body } = refusalOf(error);
  answer.writeHead(status, headers).end(body);
}

/** Responds to an upgrade with an error, and closes its connection. */
export function refuseUpgrade(client: Duplex, error: FairleadError): void {
  const { status, headers, body } = refusalOf(error);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  client.end(`HTTP/1.1 ${status} ${error.code}\r\n${lines.join("")}\r\n${body}`);
}

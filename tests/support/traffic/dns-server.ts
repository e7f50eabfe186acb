/** A DNS server on loopback that answers, denies or ignores questions. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import ipaddr from "ipaddr.js";
import { onTestFinished } from "vitest";

const TYPES: Readonly<Record<number, "A" | "AAAA">> = { 1: "A", 28: "AAAA" };

export interface DnsServer {
  /** `ADDRESS:PORT` */
  readonly at: string;
  /** Received questions, such as `A db.example`. */
  readonly questions: readonly string[];
  /** Addresses by question. A name without addresses is denied. */
  readonly records: Map<string, readonly string[]>;
  /** Questions that get no answer. */
  readonly silent: Set<string>;
}

export async function dnsServer(
  records: Readonly<Record<string, readonly string[]>> = {},
): Promise<DnsServer> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  onTestFinished(() => void socket.close());
  const questions: string[] = [];
  const server: DnsServer = {
    at: `127.0.0.1:${socket.address().port}`,
    questions,
    records: new Map(Object.entries(records)),
    silent: new Set(),
  };
  socket.on("message", (message, from) => {
    const { name, type, end } = readQuestion(message);
    const question = `${type} ${name}`;
    questions.push(question);
    if (server.silent.has(question) || server.silent.has(name)) return;
    const exists = [...server.records.keys()].some((each) => each.split(" ")[1] === name);
    const addresses = server.records.get(question) ?? [];
    socket.send(answer(message, end, addresses, exists), from.port, from.address);
  });
  return server;
}

function readQuestion(message: Buffer): { name: string; type: string; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  const code = message.readUInt16BE(at + 1);
  return { name: labels.join(".").toLowerCase(), type: TYPES[code] ?? String(code), end: at + 5 };
}

function answer(question: Buffer, end: number, addresses: readonly string[], exists: boolean): Buffer {
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180 | (exists ? 0 : 3), 2);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt16BE(0, 8);
  header.writeUInt16BE(0, 10);
  const records = addresses.map((address) => {
    const bytes = ipaddr.parse(address).toByteArray();
    const fixed = Buffer.alloc(12);
    fixed.writeUInt16BE(0xc00c, 0);
    fixed.writeUInt16BE(bytes.length === 4 ? 1 : 28, 2);
    fixed.writeUInt16BE(1, 4);
    fixed.writeUInt32BE(60, 6);
    fixed.writeUInt16BE(bytes.length, 10);
    return Buffer.concat([fixed, Buffer.from(bytes)]);
  });
  return Buffer.concat([header, question.subarray(12, end), ...records]);
}

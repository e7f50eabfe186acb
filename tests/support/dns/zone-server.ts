/** A DNS server for a zone of tests, over UDP and TCP, with whatever faults a test gives it. */
import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { type DecodedPacket, decode, encode, type Packet } from "dns-packet";
import { onTestFinished } from "vitest";
import { freePort } from "../free-port.ts";
import { framed } from "./client.ts";

/** A message to send, or what to put into the usual one; null for no answer. */
export type Given = Packet | Buffer | null;

export interface ZoneServer {
  readonly host: string;
  readonly port: number;
  /** Received queries, oldest first. */
  readonly queries: { readonly transport: "udp" | "tcp"; readonly packet: DecodedPacket }[];
  /** Sends something from another port. */
  sendFromElsewhere(message: Buffer, to: RemoteInfo): Promise<void>;
}

/**
 * @param answer what the server answers; an array for several messages in a row
 */
export async function zoneServer(
  answer: (query: DecodedPacket, transport: "udp" | "tcp", from?: RemoteInfo) => Given | readonly Given[],
): Promise<ZoneServer> {
  const host = "127.0.0.1";
  const port = await freePort();
  const udp = createSocket("udp4");
  const elsewhere = createSocket("udp4");
  const tcp = createServer();
  onTestFinished(() => {
    udp.close();
    elsewhere.close();
    tcp.close();
  });
  const queries: ZoneServer["queries"] = [];
  const answersTo = (bytes: Buffer, transport: "udp" | "tcp", from?: RemoteInfo): Buffer[] => {
    const packet = decode(bytes);
    queries.push({ transport, packet });
    return [answer(packet, transport, from)].flat().flatMap((given) => {
      if (given === null) return [];
      if (Buffer.isBuffer(given)) return [given];
      return [encode({ type: "response", id: packet.id, questions: packet.questions, ...(given as Packet) })];
    });
  };
  udp.on("message", (bytes, from) => {
    for (const message of answersTo(bytes, "udp", from)) udp.send(message, from.port, from.address);
  });
  tcp.on("connection", (socket) => {
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      for (const message of answersTo(chunk.subarray(2), "tcp")) socket.write(framed(message));
    });
  });
  udp.bind(port, host);
  tcp.listen(port, host);
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  return {
    ...{ host, port, queries },
    sendFromElsewhere: (message, to) =>
      new Promise((resolve) => elsewhere.send(message, to.port, to.address, () => resolve())),
  };
}

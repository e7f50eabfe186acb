/** DNS messages that tests send, and what came back. dns-packet is a codec of its own beside the project's. */
import { type Answer, type DecodedPacket, decode, encode, type Packet, RECURSION_DESIRED } from "dns-packet";

/** A query of one question. */
export function queryFor(name: string, type = "A", more: Packet = {}): Buffer {
  return encode({
    ...{ type: "query", id: 4711, flags: RECURSION_DESIRED, questions: [{ name, type, class: "IN" }] },
    ...more,
  });
}

/** An OPT record. */
export const opt = (more: Partial<Answer> = {}): Answer => ({
  ...{
    name: ".",
    type: "OPT",
    udpPayloadSize: 4096,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    options: [],
  },
  ...more,
});

/** The records of a section as text: name, TTL, type and data. */
export function recordTexts(records: readonly Answer[]): string[] {
  return records.map(({ name, ttl, type, data }) => `${name} ${ttl} ${type} ${dataText(data)}`);
}

function dataText(data: unknown): string {
  return typeof data === "string" ? data : JSON.stringify(data);
}

/** The decoded message. */
export const read = (bytes: Uint8Array): DecodedPacket => decode(Buffer.from(bytes));

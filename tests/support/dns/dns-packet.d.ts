/** The part of dns-packet that the tests use. */
declare module "dns-packet" {
  export interface Question {
    name: string;
    type: string;
    class?: string;
  }
  export interface Answer {
    name: string;
    type: string;
    ttl?: number;
    class?: string;
    flush?: boolean;
    data?: unknown;
    udpPayloadSize?: number;
    extendedRcode?: number;
    ednsVersion?: number;
    flags?: number;
    options?: readonly { code: number | string; data?: Uint8Array }[];
  }
  export interface Packet {
    id?: number;
    type?: "query" | "response";
    flags?: number;
    opcode?: string;
    rcode?: string;
    flag_aa?: boolean;
    flag_tc?: boolean;
    flag_rd?: boolean;
    flag_ra?: boolean;
    questions?: Question[];
    answers?: Answer[];
    authorities?: Answer[];
    additionals?: Answer[];
  }
  export type DecodedPacket = Required<Packet>;
  export const RECURSION_DESIRED: number;
  export const AUTHORITATIVE_ANSWER: number;
  export const RECURSION_AVAILABLE: number;
  export const TRUNCATED_RESPONSE: number;
  export const DNSSEC_OK: number;
  export function encode(packet: Packet): Buffer;
  export function decode(bytes: Uint8Array): DecodedPacket;
}

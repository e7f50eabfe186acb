/** Resource records, and answers that are made of them. */
import { RCODE } from "./constants.ts";
import type { ExtendedError } from "./extended-error.ts";

/** What a record says, by its type. Names are texts as in domain-name.ts. */
export type RecordData =
  | { readonly type: "A" | "AAAA"; readonly address: readonly number[] }
  | { readonly type: "NS" | "PTR"; readonly host: string }
  | {
      readonly type: "SRV";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly host: string;
    }
  | {
      readonly type: "SOA";
      readonly server: string;
      readonly mailbox: string;
      readonly serial: number;
      /** Seconds. */
      readonly refresh: number;
      /** Seconds. */
      readonly retry: number;
      /** Seconds. */
      readonly expire: number;
      /** How long a resolver keeps the answer that something does not exist, seconds (RFC 2308 §4). */
      readonly minimum: number;
    }
  /** One text of at most 255 ASCII characters. */
  | { readonly type: "TXT"; readonly text: string }
  | { readonly type: "HINFO"; readonly cpu: string; readonly os: string };

/** A record of class IN. */
export interface DnsRecord {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

/** An answer without the parts that repeat the query. */
export interface DnsAnswer {
  /** Of {@link RCODE}. */
  readonly rcode: number;
  /** Whether the answer is about a zone of this server. */
  readonly owned: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  /** Records that save the client a query. They are left out where they do not fit. */
  readonly additional: readonly DnsRecord[];
  /** Why the query failed, for clients that know EDNS. */
  readonly error?: ExtendedError | undefined;
}

/** An answer that is a response code alone. */
export function bareAnswer(rcode: number, owned = false): DnsAnswer {
  return { rcode, owned, answers: [], authority: [], additional: [] };
}

/** The answer to a query that failed, and why. */
export function failedAnswer(error: ExtendedError): DnsAnswer {
  return { ...bareAnswer(RCODE.SERVFAIL), error };
}

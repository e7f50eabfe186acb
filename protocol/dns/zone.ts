/** Answers questions about one zone (docs/protocol.md, "DNS"). */
import { RCODE, TYPE } from "./constants.ts";
import { isWithin, labelsOf } from "./domain-name.ts";
import type { Question } from "./query.ts";
import { bareAnswer, type DnsAnswer, type DnsRecord, type RecordData } from "./record.ts";

/** How long a resolver keeps an answer with records, seconds. A listener may move. */
export const RECORD_TTL = 5;

/** How long a resolver keeps the answer that something does not exist, seconds. A service may appear. */
export const NEGATIVE_TTL = 1;

/** What is known of a name: its records, none for a name with names below it, or that it does not exist. */
export type Node = readonly DnsRecord[] | "absent" | "unknown";

/** The content of a zone. */
export interface Zone {
  /** The name at the top. */
  readonly origin: string;
  /** The name of its server; that of {@link nameServerOf} unless given. */
  readonly server?: string | undefined;
  /** Grows with each change of the content. */
  readonly serial: number;
  /** @param labels those of a name in front of the origin, the lowest first; none for the origin itself */
  node(labels: readonly string[]): Node;
  /** Records that save a client the query for the hosts that `records` name. */
  additional(records: readonly DnsRecord[]): readonly DnsRecord[];
}

/** Answers a question about a name in the zone. */
export function answerFromZone(zone: Zone, { name, type }: Question): DnsAnswer {
  const labels = labelsOf(name);
  const node = zone.node(labels.slice(0, labels.length - labelsOf(zone.origin).length));
  // Whoever does not know cannot say that a name does not exist: resolvers would keep it.
  if (node === "unknown") return bareAnswer(RCODE.SERVFAIL, true);
  if (node === "absent") return negative(zone, RCODE.NXDOMAIN);
  // RFC 8482: an answer to ANY that is small and no error.
  const any = type === TYPE.ANY && node.length > 0;
  const answers = any ? [allRecords(name)] : node.filter(({ data }) => TYPE[data.type] === type);
  if (answers.length === 0) return negative(zone, RCODE.NOERROR);
  return { ...bareAnswer(RCODE.NOERROR, true), answers, additional: zone.additional(answers) };
}

/** The zone with the longest origin that the name is within. */
export function zoneOf<Z extends { readonly origin: string }>(
  zones: readonly Z[],
  name: string,
): Z | undefined {
  let best: Z | undefined;
  for (const zone of zones) {
    if (isWithin(name, zone.origin) && zone.origin.length >= (best?.origin.length ?? 0)) best = zone;
  }
  return best;
}

/** The SOA record of a zone, in which resolvers read how long they may keep a negative answer (RFC 2308). */
export function soaOf(
  { origin, serial, server = nameServerOf(origin) }: Pick<Zone, "origin" | "serial" | "server">,
  ttl = NEGATIVE_TTL,
): DnsRecord {
  const data: RecordData = {
    ...{ type: "SOA", server, mailbox: `hostmaster.${origin}`, serial },
    ...{ refresh: 60, retry: 10, expire: 3600, minimum: NEGATIVE_TTL },
  };
  return { name: origin, ttl, data };
}

/** The name of the zone's server. */
export const nameServerOf = (origin: string): string => `ns.${origin}`;

function negative(zone: Zone, rcode: number): DnsAnswer {
  return { ...bareAnswer(rcode, true), authority: [soaOf(zone)] };
}

/** The answer to a question for every type (RFC 8482). */
export const allRecords = (name: string): DnsRecord => ({
  name,
  ttl: RECORD_TTL,
  data: { type: "HINFO", cpu: "RFC8482", os: "" },
});

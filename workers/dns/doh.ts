/** DNS over HTTPS (RFC 8484): the message of a request, and the response for an answer. Pure. */
import { HEADER_BYTES, MAX_MESSAGE_BYTES, RCODE } from "../../protocol/dns/constants.ts";
import { readQuery } from "../../protocol/dns/query.ts";
import { bareAnswer, type DnsAnswer } from "../../protocol/dns/record.ts";
import { writeResponse } from "../../protocol/dns/response-writer.ts";
import { type ReachablePort, ServiceZone } from "../../protocol/dns/service-zone.ts";
import { answerFromZone, zoneOf } from "../../protocol/dns/zone.ts";
import { decodeBase64 } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";

/** The media type of a DNS message. */
export const DNS_MESSAGE = "application/dns-message";

/** The ports of a service as a site reaches them; "absent" if the site does not see it. */
export type FindPorts = (service: string) => Promise<readonly ReachablePort[] | "absent">;

export interface DohReply {
  readonly message: Uint8Array;
  /** How long the response is fresh, seconds: the lowest TTL of the answer (RFC 8484 §5.1). */
  readonly maxAge: number;
}

/** The message of a GET request. @throws FairleadError `request.invalid`, `request.too_large`. */
export function messageOfGet(parameter: string | undefined): Uint8Array {
  if (parameter === undefined) throw new FairleadError("request.invalid", "The parameter dns is missing.");
  if (parameter.length > Math.ceil((MAX_MESSAGE_BYTES * 4) / 3)) throw new FairleadError("request.too_large");
  const bytes = /^[\w-]+$/.test(parameter) ? decodeBase64(parameter) : null;
  if (bytes === null) throw new FairleadError("request.invalid", "The parameter dns is not base64url.");
  return bytes;
}

/**
 * Answers a message for the names of a network.
 * @throws FairleadError `request.invalid` when the message is no query.
 */
export async function answerDoh(bytes: Uint8Array, origin: string, find: FindPorts): Promise<DohReply> {
  const query = bytes.length > MAX_MESSAGE_BYTES ? null : readQuery(bytes);
  if (query === null || bytes.length < HEADER_BYTES) {
    throw new FairleadError("request.invalid", "The message is no DNS query.");
  }
  const { question, refusal } = query;
  const answer =
    question === null || refusal !== null
      ? bareAnswer(refusal ?? RCODE.FORMERR)
      : await answerQuestion(question, origin, find);
  return { message: writeResponse(bytes, query, answer, MAX_MESSAGE_BYTES), maxAge: maxAgeOf(answer) };
}

async function answerQuestion(
  question: Parameters<typeof answerFromZone>[1],
  origin: string,
  find: FindPorts,
): Promise<DnsAnswer> {
  if (zoneOf([{ origin }], question.name) === undefined) return bareAnswer(RCODE.REFUSED);
  // A question is about one service, whose name the zone asks for first.
  const asked = new Set<string>();
  const known = new Map<string, readonly ReachablePort[] | "absent">();
  const zone = new ServiceZone(origin, {
    ...{ serial: 1, servers: [] },
    ports: (service) => {
      asked.add(service);
      return known.get(service) ?? "unknown";
    },
  });
  const first = answerFromZone(zone, question);
  if (asked.size === 0) return first;
  for (const service of asked) known.set(service, await find(service));
  return answerFromZone(zone, question);
}

function maxAgeOf({ rcode, answers, authority }: DnsAnswer): number {
  if (rcode !== RCODE.NOERROR && rcode !== RCODE.NXDOMAIN) return 0;
  const ttls = [...answers, ...authority].map(({ ttl }) => ttl);
  return ttls.length === 0 ? 0 : Math.min(...ttls);
}

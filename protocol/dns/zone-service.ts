/** The hidden service by which a site offers a zone to other sites (docs/protocol.md, "Zones between sites"). */

/** The kind of the streams that carry the queries of a zone, each message behind its length, as over TCP. */
export const DNS_KIND = "dns";

/** The feature of edges and connectors that know zones. */
export const ZONES_FEATURE = "zones";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/**
 * The name of the service of a zone: `zone-`, the domain with dashes, cut at 40 characters, and the FNV-1a hash of the
 * domain, 32 bits in hexadecimal digits. Domains of one service name are told apart by the offer's `zone`.
 *
 * @param domain in lower case, without the period at its end
 */
export function zoneService(domain: string): string {
  let hash = FNV_OFFSET;
  for (let at = 0; at < domain.length; at++) hash = Math.imul(hash ^ domain.charCodeAt(at), FNV_PRIME);
  const digits = (hash >>> 0).toString(16).padStart(8, "0");
  return `zone-${domain.replace(/[^a-z0-9]+/g, "-").slice(0, 40)}-${digits}`;
}

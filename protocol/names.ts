/**
 * Names and addresses of a network (docs/protocol.md, "Ids and names"). Every name is a DNS label, so that it
 * can be a hostname.
 */
import * as z from "zod";
import { SiteId } from "./ids.ts";

/** The form of a site id. It is faster than {@link SiteId}, for comparisons with long lists. */
const SITE_ID = /^s[0-9a-hjkmnp-tv-z]{26}$/;

/** An RFC 1123 label: 1 to 63 of a–z, 0–9 and "-", with a letter or digit at both ends. */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_RULE = "must be 1 to 63 of a-z, 0-9 and '-', and start and end with a letter or digit";

const label = (what: string) => z.string().regex(LABEL, `${what} ${LABEL_RULE}`);

/** The name of a network. */
export const NetworkName = label("a network name");
/**
 * The name of a site. It is neither "network" nor a site id, so that no site passes for an issuer or another
 * site.
 */
export const SiteName = label("a site name").refine(
  (name) => name !== "network" && !SiteId.safeParse(name).success,
  'a site name must not be "network" or look like a site id',
);
/** A site's name or id. Both are labels. */
export const SiteNameOrId = z
  .string()
  .regex(LABEL, `a site's name or id ${LABEL_RULE}`)
  .refine((name) => name !== "network", 'a site name must not be "network"');
/**
 * The domain of a network's services in DNS, unless a connector has another. The top-level domain `internal` is reserved
 * for private use, so that no name of the public DNS is hidden.
 */
export const networkDomain = (network: string): string => `${network}.internal`;

/** The name of a service. */
export const ServiceName = label("a service name");
/** The name of a link. */
export const LinkName = label("a link name");
/** The name of a token's issuer: "network", or the site's name; the site's id after the site was deleted. */
export const IssuerName = label("an issuer's name");

/** A pattern of service names: a name, or a prefix and "*" such as `web-*`. */
export const NamePattern = z
  .string()
  .regex(
    /^([a-z0-9][a-z0-9-]{0,61})?\*$|^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    `a pattern ${LABEL_RULE}, or end with "*"`,
  );

/** Whether a pattern matches the name. Null matches every name. */
export function nameMatches(name: string, patterns: readonly string[] | null): boolean {
  if (patterns === null) return true;
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/** The entries of long lists as sets, made once for each list. */
const indexes = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Longest list that is compared entry by entry. */
const SHORT_LIST = 8;

/**
 * Whether a list of names and ids has the site; without a list, every site matches. An entry with the form of
 * an id is an id, so no site matches by a name that is another site's id.
 *
 * @param list must not change later, because long lists are indexed once
 */
export function siteMatches(
  site: { readonly id: string; readonly name: string },
  list: readonly string[] | null | undefined,
): boolean {
  if (list === null || list === undefined) return true;
  const known = [site.id].filter((id) => SITE_ID.test(id));
  if (!SITE_ID.test(site.name)) known.push(site.name);
  if (list.length <= SHORT_LIST) return known.some((entry) => list.includes(entry));
  const index = indexes.get(list) ?? new Set(list);
  indexes.set(list, index);
  return known.some((entry) => index.has(entry));
}

/** The cost of a link. A path costs the sum of its links, and cheaper instances are preferred. */
export const LinkCost = z.number().int().min(1).max(1_000_000);
/** The cost of a link unless given. */
export const DEFAULT_LINK_COST = 1;

/** A TCP port, 1 to 65535. */
export const Port = z.number().int().min(1).max(65_535);

/** The protocol of a service. This version carries `http` and `http2` as bytes, like `tcp`. */
export const ServiceProtocol = z.enum(["tcp", "http", "http2", "udp"]);
export type ServiceProtocol = z.infer<typeof ServiceProtocol>;

/** The transport under a protocol. */
export type Transport = "tcp" | "udp";

/** The transport of a service's port, by its protocol. */
export const transportOf = (protocol: ServiceProtocol): Transport => (protocol === "udp" ? "udp" : "tcp");

/** The SPIFFE URI in the SAN of a site certificate (docs/protocol.md, "Joining"). */
export function siteUri(networkId: string, siteId: string): string {
  return `spiffe://${networkId}/site/${siteId}`;
}

/** The SPIFFE URI in the SAN of a link certificate (docs/protocol.md, "Joining"). */
export function linkUri(networkId: string, linkId: string): string {
  return `spiffe://${networkId}/link/${linkId}`;
}

const SITE_URI = /^spiffe:\/\/(n[0-9a-z]{26})\/site\/(s[0-9a-z]{26})$/;

/** The ids of network and site in a site's SPIFFE URI; null for another URI. */
export function parseSiteUri(uri: string): { networkId: string; siteId: string } | null {
  const match = SITE_URI.exec(uri);
  return match?.[1] && match[2] ? { networkId: match[1], siteId: match[2] } : null;
}

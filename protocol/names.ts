/** What may be called what. Every name in Fairlead is a DNS label, so that it can also be a hostname. */
import { z } from "zod";
import { SiteId } from "./ids.ts";

/** The form of a site's id, for those who compare many. */
const SITE_ID = /^s[0-9a-hjkmnp-tv-z]{26}$/;

/** 1 to 63 of a–z, 0–9 and "-", starting and ending with a letter or digit (RFC 1123 label). */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_RULE = "must be 1 to 63 of a-z, 0-9 and '-', and start and end with a letter or digit";

const label = (what: string) => z.string().regex(LABEL, `${what} ${LABEL_RULE}`);

export const NetworkName = label("a network name");
/** Not what an issuer or a site is named by otherwise: nobody may pass for another by his name. */
export const SiteName = label("a site name").refine(
  (name) => name !== "network" && !SiteId.safeParse(name).success,
  'a site name must not be "network" or look like a site id',
);
/** A site's name or its id; as both are labels, one look is enough. */
export const SiteNameOrId = z
  .string()
  .regex(LABEL, `a site's name or id ${LABEL_RULE}`)
  .refine((name) => name !== "network", 'a site name must not be "network"');
export const ServiceName = label("a service name");
export const LinkName = label("a link name");
/** How an issuer of tokens is called: "network", or a site's name; its id when the site is gone. */
export const IssuerName = label("an issuer's name");

/** A service name, or the beginning of one and "*": `web-*`. */
export const NamePattern = z
  .string()
  .regex(
    /^([a-z0-9][a-z0-9-]{0,61})?\*$|^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
    `a pattern ${LABEL_RULE}, or end with "*"`,
  );

/** Whether a name is one of those that the patterns stand for. Null allows every name. */
export function nameMatches(name: string, patterns: readonly string[] | null): boolean {
  if (patterns === null) return true;
  return patterns.some((pattern) =>
    pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
}

/** What long lists hold: a list is looked at once, however many sites are compared with it. */
const indexes = new WeakMap<readonly string[], ReadonlySet<string>>();

/** Lists up to this length are compared entry by entry. */
const SHORT_LIST = 8;

/**
 * Whether a site is one of those that a list of names and ids stands for; without a list, every site is. What has the
 * form of an id is one: no site gets onto a list by taking another's id for its name. The list must not change later.
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

/** What it costs to go over a link: the way with the lowest sum wins until its open streams outweigh the difference. */
export const LinkCost = z.number().int().min(1).max(1_000_000);
export const DEFAULT_LINK_COST = 1;

/** A TCP port, 1 to 65535. */
export const Port = z.number().int().min(1).max(65_535);

/** What a service speaks. `http` and `http2` are carried as bytes by this version, like `tcp`. */
export const ServiceProtocol = z.enum(["tcp", "http", "http2"]);
export type ServiceProtocol = z.infer<typeof ServiceProtocol>;

/** SPIFFE URI in the SAN of a site certificate. */
export function siteUri(networkId: string, siteId: string): string {
  return `spiffe://${networkId}/site/${siteId}`;
}

/** SPIFFE URI in the SAN of a link certificate. */
export function linkUri(networkId: string, linkId: string): string {
  return `spiffe://${networkId}/link/${linkId}`;
}

const SITE_URI = /^spiffe:\/\/(n[0-9a-z]{26})\/site\/(s[0-9a-z]{26})$/;

/** The network and site in a SPIFFE URI, or null when it is not one of ours. */
export function parseSiteUri(uri: string): { networkId: string; siteId: string } | null {
  const match = SITE_URI.exec(uri);
  return match?.[1] && match[2] ? { networkId: match[1], siteId: match[2] } : null;
}

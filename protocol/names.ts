/** What may be called what. Every name in Fairlead is a DNS label, so that it can also be a hostname. */
import { z } from "zod";

/** 1 to 63 of a–z, 0–9 and "-", starting and ending with a letter or digit (RFC 1123 label). */
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_RULE = "must be 1 to 63 of a-z, 0-9 and '-', and start and end with a letter or digit";

const label = (what: string) => z.string().regex(LABEL, `${what} ${LABEL_RULE}`);

export const NetworkName = label("a network name");
export const SiteName = label("a site name");
export const ServiceName = label("a service name");
export const LinkName = label("a link name");

/** A TCP port, 1 to 65535. */
export const Port = z.number().int().min(1).max(65_535);

/** What a service speaks. `http` and `http2` are carried as bytes by this version, like `tcp`. */
export const ServiceProtocol = z.enum(["tcp", "http", "http2"]);
export type ServiceProtocol = z.infer<typeof ServiceProtocol>;

/** SPIFFE URI in the SAN of a site certificate. */
export function siteUri(networkId: string, siteId: string): string {
  return `spiffe://${networkId}/site/${siteId}`;
}

const SITE_URI = /^spiffe:\/\/(n[0-9a-z]{26})\/site\/(s[0-9a-z]{26})$/;

/** The network and site in a SPIFFE URI, or null when it is not one of ours. */
export function parseSiteUri(uri: string): { networkId: string; siteId: string } | null {
  const match = SITE_URI.exec(uri);
  return match?.[1] && match[2] ? { networkId: match[1], siteId: match[2] } : null;
}

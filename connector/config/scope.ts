/**
 * The scope of a service: the sites that it is offered to, which is every site unless some are named. The registry
 * enforces it, and so does the connector that offers the service, for each stream. A session proves the id of its peer;
 * only the registry says which name a site has. A scope of ids does not depend on the registry.
 */
import * as z from "zod";
import { FairleadError } from "../../protocol/errors.ts";
import { SiteId } from "../../protocol/ids.ts";
import { SiteName } from "../../protocol/names.ts";
import { type Instance, Offer } from "../../protocol/uplink/messages.ts";

/** Names or ids of sites; undefined stands for all. */
export const Scope = Offer.shape.to;
export type Scope = z.infer<typeof Scope>;

/** The site at the other end of a session. */
export type Peer = Pick<Instance, "site" | "siteName">;

/** Whether a service of this scope is offered to the site. */
export function isExportedTo(scope: Scope, { site, siteName }: Peer): boolean {
  return scope === undefined || scope.includes(site) || scope.includes(siteName);
}

/** Whether two scopes name the same sites. */
export function sameScope(left: Scope, right: Scope): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.length === right.length && left.every((site) => right.includes(site));
}

const Site = z.union([SiteName, SiteId]);

/** Parses the sites of an option, such as `east,west`. @throws FairleadError `request.invalid`. */
export function parseSites(text: string): string[] {
  const sites = [...new Set(text.split(",").map((site) => site.trim()))];
  for (const site of sites) {
    if (Site.safeParse(site).success) continue;
    throw new FairleadError("request.invalid", `"${site}" is neither the name nor the id of a site.`);
  }
  return sites;
}

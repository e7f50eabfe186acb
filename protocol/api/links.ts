/** Links of a network in the API. */
import { z } from "zod";
import { LinkId } from "../ids.ts";
import { LinkCost, LinkName, SiteName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

export const Link = z
  .object({
    id: LinkId,
    name: LinkName,
    joiner: SiteName,
    issuer: z.string(),
    cost: LinkCost,
    state: z.enum(["up", "down"]),
    /** Why it is down; `link.revoked` for good. */
    code: z.string().optional(),
    /** When it took this state. */
    since: Timestamp,
    /** Round trip between its ends through the edge, ms; null while it is not known. */
    rtt: z.number().min(0).nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: "Link" });
export type Link = z.infer<typeof Link>;

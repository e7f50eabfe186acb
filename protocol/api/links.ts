/** Links of a network in the API. */
import * as z from "zod";
import { LinkId } from "../ids.ts";
import { LinkCost, LinkName, SiteName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

/** A link of a network. */
export const Link = z
  .object({
    id: LinkId,
    name: LinkName,
    joiner: SiteName,
    issuer: z.string(),
    cost: LinkCost,
    state: z.enum(["up", "down"]),
    /** Why the link is down; `link.revoked` is final. */
    code: z.string().optional(),
    /** When the state began. */
    since: Timestamp,
    /** The round trip between both ends over the edge, ms; null while it is not known. */
    rtt: z.number().min(0).nullable(),
    createdAt: Timestamp,
  })
  .meta({ id: "Link" });
export type Link = z.infer<typeof Link>;

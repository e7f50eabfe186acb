/** Services of a network in the API. */
import * as z from "zod";
import { BalanceMode, Rank, Weight } from "../balance.ts";
import { Port, ServiceName, ServiceProtocol, SiteName, SiteNameOrId } from "../names.ts";
import { Encryption, ServicePort } from "../uplink/messages.ts";
import { Timestamp } from "./timestamp.ts";

/** A service of a network, with the sites that offer it. */
export const Service = z
  .object({
    name: ServiceName,
    /** The protocol of the first port. */
    protocol: ServiceProtocol,
    /** The first port. */
    port: Port,
    /** All ports. An older edge does not send them. */
    ports: z.array(ServicePort).optional(),
    /**
     * How clients choose between the sites, and whether an operator set it instead of the offering side. An older edge
     * does not send it.
     */
    balance: z.object({ mode: BalanceMode, isSet: z.boolean() }).optional(),
    sites: z.array(
      z.object({
        name: SiteName,
        state: z.enum(["up", "down"]),
        /** The ports that the site serves; all unless given. */
        ports: z.array(Port).optional(),
        /** Ports whose targets are all down at every instance of the site. */
        down: z.array(Port).optional(),
        /** Why they are down, and since when. An older edge, or an older connector, does not say it. */
        downCode: z.string().optional(),
        downSince: Timestamp.optional(),
        /** Names or ids of the only sites that the service is exported to; all unless given. */
        to: z.array(z.string()).optional(),
        /** "hop" where the site offers the service with hop encryption; end-to-end unless given. */
        encryption: Encryption.optional(),
        weight: Weight.optional(),
        rank: Rank.optional(),
      }),
    ),
  })
  .meta({ id: "Service" });
export type Service = z.infer<typeof Service>;

/** The most sites that the balance of a service names in its order, and in its weights. */
const MAX_BALANCED_SITES = 1000;

/** The request to set the balance of a service, in place of what the sites that offer it say. */
export const SetBalance = z
  .object({
    mode: BalanceMode,
    /**
     * Names or ids of sites in the order of "priority"; other sites come after them. Without it, the sites' own ranks
     * count.
     */
    order: z.array(SiteNameOrId).max(MAX_BALANCED_SITES).optional(),
    /** Weights by the name or id of a site; other sites have those of their own offers. */
    weights: z
      .record(SiteNameOrId, Weight)
      .refine((weights) => Object.keys(weights).length <= MAX_BALANCED_SITES, "names too many sites")
      .optional(),
  })
  .meta({ id: "SetBalance" });
export type SetBalance = z.infer<typeof SetBalance>;

/** The balance of a service, as an operator set it. A site that was deleted is named by its id. */
export const ServiceBalance = z
  .object({
    service: ServiceName,
    /** Null if no operator set it: then the sites that offer the service decide. */
    mode: BalanceMode.nullable(),
    order: z.array(SiteNameOrId),
    weights: z.record(SiteNameOrId, Weight),
  })
  .meta({ id: "ServiceBalance" });
export type ServiceBalance = z.infer<typeof ServiceBalance>;

/** Services of a network in the API. */
import { z } from "zod";
import { Port, ServiceName, ServiceProtocol, SiteName } from "../names.ts";
import { BalanceMode, Rank, ServicePort, Weight } from "../uplink/messages.ts";

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
        weight: Weight.optional(),
        rank: Rank.optional(),
      }),
    ),
  })
  .meta({ id: "Service" });
export type Service = z.infer<typeof Service>;

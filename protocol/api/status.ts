/** The status of a network in the API. */
import { z } from "zod";
import { FrontStatus } from "../front/front-status.ts";
import { Link } from "./links.ts";
import { Network } from "./networks.ts";
import { Service } from "./services.ts";
import { Site } from "./sites.ts";

export const NetworkStatus = z
  .object({
    network: Network,
    sites: z.array(Site),
    links: z.array(Link),
    services: z.array(Service),
    /** Of an embedded edge: what strangers did at its ports, and which way lanes take. */
    edge: FrontStatus.optional(),
  })
  .meta({ id: "NetworkStatus" });
export type NetworkStatus = z.infer<typeof NetworkStatus>;

/** The status of a network in the API. */
import * as z from "zod";
import { FrontStatus } from "../front/front-status.ts";
import { Link } from "./links.ts";
import { Network } from "./networks.ts";
import { Service } from "./services.ts";
import { Site } from "./sites.ts";

/** The whole status of a network. */
export const NetworkStatus = z
  .object({
    network: Network,
    sites: z.array(Site),
    links: z.array(Link),
    services: z.array(Service),
    /** The status of the front; an embedded edge alone has it. */
    edge: FrontStatus.optional(),
  })
  .meta({ id: "NetworkStatus" });
export type NetworkStatus = z.infer<typeof NetworkStatus>;

/** Services of a network in the API. */
import { z } from "zod";
import { Port, ServiceName, ServiceProtocol, SiteName } from "../names.ts";

/** A service of a network, with the sites that offer it. */
export const Service = z
  .object({
    name: ServiceName,
    protocol: ServiceProtocol,
    port: Port,
    sites: z.array(z.object({ name: SiteName, state: z.enum(["up", "down"]) })),
  })
  .meta({ id: "Service" });
export type Service = z.infer<typeof Service>;

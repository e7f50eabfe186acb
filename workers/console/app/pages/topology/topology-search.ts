/** What of the topology is shown, as in the URL. */
import * as z from "zod";

export const TopologySearch = z.object({
  view: z.enum(["sites", "services", "list"]).optional().catch(undefined),
  /** What the components of the services are. */
  by: z.enum(["group", "site", "process"]).optional().catch(undefined),
  /** Whether all services are drawn, or those that are broken and the busiest. */
  services: z.enum(["all"]).optional().catch(undefined),
  find: z.string().max(200).default("").catch(""),
  hide: z.string().max(200).default("").catch(""),
  /** The id of the node or link in the side panel. */
  show: z.string().max(400).optional().catch(undefined),
});
export type TopologySearch = z.infer<typeof TopologySearch>;

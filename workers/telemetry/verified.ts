/** What the Worker verified of an upgrade request to the object, in headers that only the Worker may set. */
import * as z from "zod";
import { BootId, SiteId } from "../../protocol/ids.ts";

/** Internal header with the connector that the Worker verified: a {@link VerifiedConnector} as JSON. */
export const CONNECTOR_HEADER = "fairlead-telemetry-connector";

/** Internal header with the id of the network that a viewer follows. */
export const NETWORK_HEADER = "fairlead-network";

/** A connector, as its certificate and its registry prove it. */
export const VerifiedConnector = z.object({ site: SiteId, name: z.string(), boot: BootId });
export type VerifiedConnector = z.infer<typeof VerifiedConnector>;

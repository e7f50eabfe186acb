/** Networks in the API. */
import * as z from "zod";
import { NetworkId } from "../ids.ts";
import { NetworkName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

/** A network. */
export const Network = z
  .object({ id: NetworkId, name: NetworkName, createdAt: Timestamp })
  .meta({ id: "Network" });
export type Network = z.infer<typeof Network>;

/** The CA of a network, for clients of its listeners. */
export const NetworkCa = z
  .object({
    network: NetworkName,
    /** PEM, self-signed. It verifies the certificates that the network issues for services, and those of no other network. */
    certificate: z.string(),
    expiresAt: Timestamp,
  })
  .meta({ id: "NetworkCa" });
export type NetworkCa = z.infer<typeof NetworkCa>;

/** The request to create a network. */
export const CreateNetwork = z.object({ name: NetworkName }).meta({ id: "CreateNetwork" });

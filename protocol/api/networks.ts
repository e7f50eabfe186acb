/** Networks in the API. */
import { z } from "zod";
import { NetworkId } from "../ids.ts";
import { NetworkName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

/** A network. */
export const Network = z
  .object({ id: NetworkId, name: NetworkName, createdAt: Timestamp })
  .meta({ id: "Network" });
export type Network = z.infer<typeof Network>;

/** The request to create a network. */
export const CreateNetwork = z.object({ name: NetworkName }).meta({ id: "CreateNetwork" });

/** Networks in the API. */
import { z } from "zod";
import { NetworkId } from "../ids.ts";
import { NetworkName } from "../names.ts";
import { Timestamp } from "./timestamp.ts";

export const Network = z
  .object({ id: NetworkId, name: NetworkName, createdAt: Timestamp })
  .meta({ id: "Network" });
export type Network = z.infer<typeof Network>;

export const CreateNetwork = z.object({ name: NetworkName }).meta({ id: "CreateNetwork" });

/** A request as the Worker hands it to the object of a door: what it has verified, in one internal header. */
import * as z from "zod";
import { DoorAccess, Hostname } from "../../protocol/hostnames.ts";
import { NetworkId } from "../../protocol/ids.ts";
import { ServiceName } from "../../protocol/names.ts";

/** Internal header of a request to a door's object: a {@link DoorRequest} as JSON. Only the Worker sets it. */
export const DOOR_REQUEST_HEADER = "fairlead-door-request";
/** Header of a door's object's response to a WebSocket upgrade: the id of the client's end in its object. */
export const DOOR_SOCKET_HEADER = "fairlead-door-socket";

export const DoorRequest = z.object({
  network: NetworkId,
  hostname: Hostname,
  service: ServiceName,
  access: DoorAccess,
  /** Whether gRPC-Web is translated, since the target speaks gRPC. */
  translatesGrpc: z.boolean(),
  client: z.string(),
  scheme: z.enum(["http", "https"]),
  authority: z.string(),
  caller: z.string(),
  ownAuthorization: z.boolean(),
  version: z.string(),
});
export type DoorRequest = z.infer<typeof DoorRequest>;

/** The client's end of a WebSocket, as the object of the door names it. */
export const DoorSocketEnd = z.object({
  site: z.string(),
  socket: z.string(),
  /** Fields of the target's 101 response that the client gets: name, value, name, value. */
  fields: z.array(z.string()),
});
export type DoorSocketEnd = z.infer<typeof DoorSocketEnd>;

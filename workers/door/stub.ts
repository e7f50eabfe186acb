/** Opens the objects of doors. Addressing an object creates it: ask first what is published by the hostname. */
import type { Door } from "./door.ts";
import type { DoorSocket } from "./door-socket.ts";

/** The door of a hostname of a network. */
export function openDoor(
  namespace: DurableObjectNamespace,
  network: string,
  hostname: string,
): DurableObjectStub<Door> {
  return (namespace as DurableObjectNamespace<Door>).getByName(`${network}:${hostname}`);
}

/** The WebSockets between the clients of a door and the targets of a site. */
export function openDoorSockets(
  namespace: DurableObjectNamespace,
  network: string,
  hostname: string,
  site: string,
): DurableObjectStub<DoorSocket> {
  return (namespace as DurableObjectNamespace<DoorSocket>).getByName(`${network}:${hostname}:${site}`);
}

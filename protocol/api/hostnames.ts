/** Hostnames of a network's public doors, and the keys for them, in the API. */
import * as z from "zod";
import { DoorAccess, Hostname, HostnamePattern } from "../hostnames.ts";
import { KeyId, NetworkId } from "../ids.ts";
import { ServiceName, SiteName } from "../names.ts";
import { shownText } from "../text.ts";
import { Timestamp } from "./timestamp.ts";

/** A service that the sites of a network publish by a hostname, as far as the grants permit it. */
export const PublishedService = z.object({
  hostname: Hostname,
  service: ServiceName,
  access: DoorAccess,
  /** Names of the sites that publish it, sorted. */
  sites: z.array(SiteName),
});

/** A hostname, or a pattern of hostnames, that a network may publish services by. */
export const HostnameGrant = z
  .object({
    pattern: HostnamePattern,
    network: NetworkId,
    grantedAt: Timestamp,
  })
  .meta({ id: "HostnameGrant" });
export type HostnameGrant = z.infer<typeof HostnameGrant>;

/** A grant as the list shows it, with the services that are published by it at present. */
export const ListedHostname = HostnameGrant.extend({ published: z.array(PublishedService) }).meta({
  id: "Hostname",
});
export type ListedHostname = z.infer<typeof ListedHostname>;

/** The request to grant a hostname. */
export const GrantHostname = z.object({ pattern: HostnamePattern }).meta({ id: "GrantHostname" });

/** A key for a door, without its text. It is valid for requests to the hostname alone, and not for the API. */
export const DoorKey = z
  .object({
    id: KeyId,
    name: z.string().min(1).max(100),
    hostname: Hostname,
    createdAt: Timestamp,
    /** The last use, to the minute; null before the first. */
    lastUsedAt: Timestamp.nullable(),
  })
  .meta({ id: "DoorKey" });
export type DoorKey = z.infer<typeof DoorKey>;

/** The request to create a key for a door. */
export const CreateDoorKey = z
  .object({ name: shownText(100).min(1), hostname: Hostname })
  .meta({ id: "CreateDoorKey" });

/** A new key for a door. `key` is its text, which no other response has. */
export const CreatedDoorKey = DoorKey.extend({ key: z.string() }).meta({ id: "CreatedDoorKey" });

/** A key for a door as the edge stores it, with the network of its hostname and the SHA-256 of its text. */
export const DoorKeyRecord = DoorKey.extend({
  network: NetworkId,
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});
export type DoorKeyRecord = z.infer<typeof DoorKeyRecord>;

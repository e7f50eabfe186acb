/** Hostnames of the public door, and the patterns by which they are granted (docs/protocol.md, "The public door"). */
import * as z from "zod";

const LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
/** Two labels at least, and no number as the last: such a text is an IP address. */
const HOSTNAME = new RegExp(`^(${LABEL}\\.)+(?![0-9]+$)${LABEL}$`);
const RULE = "must be a DNS name in lower case with two labels or more, such as shop.example.com";
/** Longest DNS name, in characters. */
const MAX_NAME = 253;

/** A hostname of the public door. */
export const Hostname = z.string().max(MAX_NAME).regex(HOSTNAME, `a hostname ${RULE}`);

/** A granted hostname, or `*.` and a name: every hostname with one more label than the name. */
export const HostnamePattern = z
  .string()
  .max(MAX_NAME)
  .refine(
    (text) => HOSTNAME.test(text.startsWith("*.") ? text.slice(2) : text),
    `a hostname ${RULE}, or "*." and such a name`,
  );

/** The patterns that match a hostname, the most specific first. */
export function patternsOf(hostname: string): readonly string[] {
  const dot = hostname.indexOf(".");
  return dot < 0 ? [hostname] : [hostname, `*${hostname.slice(dot)}`];
}

/** Whether one of the patterns matches a hostname. */
export function isGranted(hostname: string, patterns: readonly string[]): boolean {
  return patternsOf(hostname).some((pattern) => patterns.includes(pattern));
}

/**
 * Who may send requests to a service by its hostname: holders of a key for the hostname, people with an identity
 * of the edge's provider, or everybody.
 */
export const DoorAccess = z.enum(["key", "oidc", "open"]);
export type DoorAccess = z.infer<typeof DoorAccess>;
/** The access where none is given. */
export const DEFAULT_DOOR_ACCESS: DoorAccess = "key";

/**
 * A former address of an edge. Tokens and sites that were made while it was in force contain it, and the edge still
 * accepts them.
 */
import * as z from "zod";
import { EdgeOrigin } from "./edge-origin.ts";

/** The schema of a former address. */
export const FormerAddress = z.object({
  /** The API, which was the audience of assertions. */
  api: EdgeOrigin,
  /** The gateway, under its former name. */
  links: EdgeOrigin,
  /** When it ended, ms since 1970. */
  until: z.number(),
});
export type FormerAddress = z.infer<typeof FormerAddress>;

/** The addresses of an edge as token files and admissions contain them. */
export interface EdgeAddresses {
  readonly api: string;
  readonly links: string;
}

/**
 * The addresses that were in force at a time.
 * @param former oldest first
 * @param at ms since 1970
 */
export function addressesAt(
  at: number,
  former: readonly FormerAddress[],
  present: EdgeAddresses,
): EdgeAddresses {
  return former.find(({ until }) => at < until) ?? present;
}

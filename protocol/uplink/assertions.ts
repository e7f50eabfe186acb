/**
 * The assertion: a JWT (ES256) by which a connector proves, inside the request, the key of its site
 * certificate. It goes into `Authorization: Bearer …` of the uplink's and the lane's upgrade request and
 * into the body of a renewal. Header: `alg` ES256, `x5c` = [leaf, network CA], base64 DER (RFC 7515 §4.1.6).
 */
import { z } from "zod";
import { BootId } from "../ids.ts";

/** What an assertion is for; each purpose has an audience of its own. */
export type Purpose = "uplink" | "lane" | "renew";

/** Seconds that an assertion is good for. */
export const ASSERTION_SECONDS = 60;

/** Seconds by which the clocks of a site and the edge may differ. */
export const CLOCK_TOLERANCE_SECONDS = 60;

/** The `aud` claim for a purpose at the edge whose configured audience is `edge` (its API URL). */
export function audienceFor(edge: string, purpose: Purpose): string {
  return `${edge.replace(/\/$/, "")}/${purpose}`;
}

/** How long after its end a site certificate still proves its site for a renewal, ms. */
export const RENEWABLE_MS = 30 * 24 * 3600_000;

/** Claims of an assertion. `iss` is the site's SPIFFE URI; times in seconds since 1970. */
export const AssertionClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  /** `<boot id>.<counter>`; the counter grows with every assertion of that purpose in that process. */
  jti: z.string(),
});
export type AssertionClaims = z.infer<typeof AssertionClaims>;

/** Splits a `jti`; null when it has another form. */
export function parseJti(jti: string): { boot: string; counter: number } | null {
  const [boot, counter, ...rest] = jti.split(".");
  if (boot === undefined || counter === undefined || rest.length > 0) return null;
  if (!BootId.safeParse(boot).success || !/^\d{1,15}$/.test(counter)) return null;
  return { boot, counter: Number(counter) };
}

/** Header of a lane's upgrade request that holds the ticket. */
export const TICKET_HEADER = "fairlead-ticket";

/** Paths on the gateway. Both are WebSocket upgrades. */
export const UPLINK_PATH = "/v1/uplink";
export const LANE_PATH = "/v1/lane";

/**
 * The assertion: a JWT (ES256) that proves the key of the site certificate inside a request
 * (docs/protocol.md, "Proving the site"). A connector sends it as `Authorization: Bearer …` in the upgrade
 * requests of uplinks, lanes and telemetry connections, and in the body of a renewal. The header has `alg` ES256 and `x5c`: the site
 * certificate and the network CA, base64 DER (RFC 7515 §4.1.6).
 */
import * as z from "zod";
import { BootId } from "../ids.ts";

/** The purpose of an assertion. Each purpose has its own audience. */
export type Purpose = "uplink" | "lane" | "renew" | "telemetry";

/** The lifetime of an assertion, seconds. */
export const ASSERTION_SECONDS = 60;

/** The most by which the clocks of a site and the edge may differ, seconds. */
export const CLOCK_TOLERANCE_SECONDS = 60;

/**
 * The `aud` claim of an assertion.
 *
 * @param edge the edge's configured audience, which is its API URL
 */
export function audienceFor(edge: string, purpose: Purpose): string {
  return `${edge.replace(/\/$/, "")}/${purpose}`;
}

/** How long after its expiry a site certificate still proves its site for a renewal, ms. */
export const RENEWABLE_MS = 30 * 24 * 3600_000;

/** The claims of an assertion. `iss` is the site's SPIFFE URI. Times are seconds since 1970. */
export const AssertionClaims = z.object({
  iss: z.string(),
  aud: z.string(),
  iat: z.number(),
  exp: z.number(),
  /** `<boot id>.<counter>`. The counter grows with each assertion of the purpose in the process. */
  jti: z.string(),
});
export type AssertionClaims = z.infer<typeof AssertionClaims>;

/** Splits a `jti` into its boot id and counter. Null for a text of another form. */
export function parseJti(jti: string): { boot: string; counter: number } | null {
  const [boot, counter, ...rest] = jti.split(".");
  if (boot === undefined || counter === undefined || rest.length > 0) return null;
  if (!BootId.safeParse(boot).success || !/^\d{1,15}$/.test(counter)) return null;
  return { boot, counter: Number(counter) };
}

/** The header of a lane's upgrade request that carries the ticket. */
export const TICKET_HEADER = "fairlead-ticket";

/** The path of uplinks on the gateway, for a WebSocket upgrade. */
export const UPLINK_PATH = "/v1/uplink";
/** The path of lanes on the gateway, for a WebSocket upgrade. */
export const LANE_PATH = "/v1/lane";

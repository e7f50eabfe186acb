/** What the claims of a verified identity token say about who it is and what that one may do. Pure. */
import type { JWTPayload } from "jose";
import type { Caller, Grant } from "./caller.ts";

/** Longest name of a caller in the event log. */
const MAX_NAME = 200;

/**
 * The values of a claim: a text is one value, a list of texts several; anything else gives none. The claim is
 * looked up as it is written (`https://example.com/roles`), then as a path (`realm_access.roles`).
 */
export function valuesOf(payload: JWTPayload, claim: string): string[] {
  const value = own(payload, claim) ?? claim.split(".").reduce<unknown>(own, payload);
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}

function own(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}

/** What all values of a claim give together. */
export function grantsOf(values: readonly string[], grants: ReadonlyMap<string, Grant>): Grant[] {
  return [...new Set(values)].map((value) => grants.get(value)).filter((grant) => grant !== undefined);
}

/**
 * How the event log names a caller. `sub` alone is the provider's word for exactly this one; what people would
 * recognise stands before it, and may be changed by its owner.
 */
export function nameOf(payload: JWTPayload): string {
  const known = [payload.email, payload.preferred_username, payload.name].find(
    (claim) => typeof claim === "string" && claim !== "",
  );
  const subject = `oidc ${payload.sub ?? "?"}`;
  return printable(known === undefined ? subject : `${String(known).slice(0, 80)} (${subject})`);
}

function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?").slice(0, MAX_NAME);
}

/** The caller; null when nothing that it claims is mapped. */
export function callerOf(
  payload: JWTPayload,
  { claim, grants }: { claim: string; grants: ReadonlyMap<string, Grant> },
): Caller | null {
  const held = grantsOf(valuesOf(payload, claim), grants);
  return held.length === 0 ? null : { name: nameOf(payload), grants: held };
}

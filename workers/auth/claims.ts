/** Maps the claims of a verified identity token to a caller. Pure. */
import type { JWTPayload } from "jose";
import type { Caller, Grant } from "./caller.ts";

/** Longest name of a caller in the event log, characters. */
const MAX_NAME = 200;

/**
 * The values of a claim: a string is one value, a list has a value for each of its strings, and anything else
 * has none. The claim is looked up by its literal name (`https://example.com/roles`) first, then as a path
 * (`realm_access.roles`).
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

/** The grants of all values of a claim. */
export function grantsOf(values: readonly string[], grants: ReadonlyMap<string, Grant>): Grant[] {
  return [...new Set(values)].map((value) => grants.get(value)).filter((grant) => grant !== undefined);
}

/**
 * The name of a caller in the event log. `sub` alone identifies the caller. The name before it is for people,
 * and the caller may be able to change that name.
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

/** The caller of an identity token; null when no value of its claim is mapped to a role. */
export function callerOf(
  payload: JWTPayload,
  { claim, grants }: { claim: string; grants: ReadonlyMap<string, Grant> },
): Caller | null {
  const held = grantsOf(valuesOf(payload, claim), grants);
  return held.length === 0 ? null : { name: nameOf(payload), grants: held };
}

/**
 * Fields in which only a proxy may say where a request comes from (docs/protocol.md, "Exchanges"). Many servers hand `-`
 * and `_` of a name to their programs as the same character, so both count as the same here.
 */

const LETTER_F = 0x66;
const LETTER_X = 0x78;
const DASH = 0x2d;
const UNDERSCORE = 0x5f;
const FAIRLEAD = "fairlead";

/** Whether a field names a site, a door or a caller. Only the connector of the target writes it. @param name in lower case */
export function isFairleadField(name: string): boolean {
  if (name.charCodeAt(0) !== LETTER_F || !name.startsWith(FAIRLEAD)) return false;
  const next = name.charCodeAt(FAIRLEAD.length);
  return next === DASH || next === UNDERSCORE;
}

/** Whether a field claims an origin: a site, or the address, the host or the scheme of a client. @param name in lower case */
export function isClaim(name: string): boolean {
  const first = name.charCodeAt(0);
  if (first !== LETTER_X) return first === LETTER_F && (name === "forwarded" || isFairleadField(name));
  const dashed = withDashes(name);
  return dashed.startsWith("x-forwarded-") || dashed === "x-real-ip";
}

/** The name as programs see it, with `-` for `_`. */
export const withDashes = (name: string): string => (name.includes("_") ? name.replaceAll("_", "-") : name);

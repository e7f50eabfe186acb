/** A time as Leases and Events have it: RFC 3339 with exactly six digits after the second. @param ms since 1970 */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace(/Z$/, "000Z");

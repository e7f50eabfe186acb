/**
 * A name that is unknown wherever tests run. A label of a name has at most 63 characters, so no resolver asks a name
 * server for this one, which might not answer.
 */
export const UNKNOWN_HOST = `${"x".repeat(64)}.invalid`;

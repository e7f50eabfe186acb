/**
 * Removes what may be a secret from texts that people send to others. Logs and status have no secrets; this is for what
 * a program, a path or an address of a user brings in.
 */

const REDACTED = "[redacted]";

const RULES: readonly (readonly [pattern: RegExp, by: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----/gs, REDACTED],
  // User and password, and the query, of an address.
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi, `$1${REDACTED}@`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s?"']*)\?[^\s"'\\]*/gi, `$1?${REDACTED}`],
  [/\b(Bearer|Basic|Negotiate)\s+[A-Za-z0-9+/=._~-]{6,}/gi, `$1 ${REDACTED}`],
  [
    /\b((?:set-)?cookie|authorization|password|passphrase|client_secret|secret)(["']?\s*[:=]\s*["']?)[^\s"',;}]+/gi,
    `$1$2${REDACTED}`,
  ],
  // The secrets of tokens, keys and one-time links, and JWTs.
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*/g, REDACTED],
  [/(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/g, REDACTED],
];

/** The text without what may be a secret. */
export function redacted(text: string): string {
  return RULES.reduce((rest, [pattern, by]) => rest.replaceAll(pattern, by), text);
}

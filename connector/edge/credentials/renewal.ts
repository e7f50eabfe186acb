/** The renewal of the edge's server certificate. */
import type { Validity } from "./certificates.ts";

/** When a certificate is due for renewal, ms since 1970: after two thirds of its lifetime. */
export function renewalTime(certificate: Validity): number {
  return certificate.notAfter - (certificate.notAfter - certificate.notBefore) / 3;
}

/** Whether a certificate must be renewed: it is due, not valid yet, or for other names. */
export function needsRenewal(certificate: Validity, names: readonly string[], now: number): boolean {
  if (now >= renewalTime(certificate)) return true;
  // After the clock was set back, clients would not accept the certificate.
  if (now < certificate.notBefore) return true;
  const held = new Set(certificate.names);
  return held.size !== new Set(names).size || names.some((name) => !held.has(name));
}

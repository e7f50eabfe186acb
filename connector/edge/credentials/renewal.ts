/** When the edge's server certificate has to be made anew. */
import type { Validity } from "./certificates.ts";

/**
 * When a certificate is to be renewed: after two thirds of its life, so that the last third is there for
 * whatever goes wrong.
 *
 * @returns ms since 1970
 */
export function renewalTime(certificate: Validity): number {
  return certificate.notAfter - (certificate.notAfter - certificate.notBefore) / 3;
}

/** Whether the certificate no longer serves: it is in the last third of its life, or is for other names. */
export function needsRenewal(certificate: Validity, names: readonly string[], now: number): boolean {
  if (now >= renewalTime(certificate)) return true;
  // A clock that was set back must not leave a certificate that nobody accepts.
  if (now < certificate.notBefore) return true;
  const held = new Set(certificate.names);
  return held.size !== new Set(names).size || names.some((name) => !held.has(name));
}

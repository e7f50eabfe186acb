/** The roots for the edge's server certificate. */
import { getCACertificates } from "node:tls";

export interface EdgeTrust {
  /** The deployment CA, PEM. */
  readonly ca: string;
  /** "public" if a platform issues the edge's server certificate. */
  readonly tls?: "public" | undefined;
}

/**
 * The roots to trust for the edge's server certificate, PEM: the deployment CA, and with `public` also the
 * default roots of this machine. Site certificates are under the deployment CA in any case.
 */
export function trustedRoots({ ca, tls }: EdgeTrust): string[] {
  return tls === "public" ? [ca, ...getCACertificates("default")] : [ca];
}

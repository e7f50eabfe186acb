/** Whose server certificates a site believes when it talks to its edge. */
import { getCACertificates } from "node:tls";

export interface EdgeTrust {
  /** The deployment CA, PEM. */
  readonly ca: string;
  /** "public" where a platform makes the edge's server certificates. */
  readonly tls?: "public" | undefined;
}

/**
 * The roots to trust, PEMs: the deployment CA alone; with `public`, also those that this machine's programs trust
 * anyway. That is about the edge's server certificate only: sites are under the deployment CA in any case.
 */
export function rootsOf({ ca, tls }: EdgeTrust): string[] {
  return tls === "public" ? [ca, ...getCACertificates("default")] : [ca];
}

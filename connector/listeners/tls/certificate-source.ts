/** A source of the certificate that a service's listeners present. */
import type { SecureContext } from "node:tls";
import type { FairleadError } from "../../../protocol/errors.ts";

export interface CertificateSource {
  /** The present certificate with its key; null before there is one. */
  readonly context: SecureContext | null;
  /** Why there is no certificate, or no newer one; null when all is well. */
  readonly trouble: FairleadError | null;
  /** Begins to follow the source. */
  start(): void;
  close(): void;
}

/** Called when {@link CertificateSource.context} or `trouble` has changed. */
export type OnCertificate = () => void;

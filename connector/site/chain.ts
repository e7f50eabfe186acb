/** Certificates as a site keeps them: read from PEM, and believed only when they belong together. */
import { X509Certificate } from "node:crypto";
import { FairleadError } from "../../protocol/errors.ts";
import { fromPem } from "./pem.ts";

/** Whether a certificate is for the site's key. */
export type Holds = (certificate: X509Certificate) => boolean;

/** A site certificate with its network CA. */
export interface Chain {
  /** Site certificate and network CA, PEM. */
  readonly chain: string;
  /** The network CA alone, PEM. */
  readonly authority: string;
  /** Validity of the site certificate, ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A chain in PEM, with what is read from it. @throws FairleadError `code` when it is none. */
export function readChain(chain: string, code: "state.corrupt" | "certificate.untrusted"): Chain {
  const [leaf, authority] = fromPem(chain);
  if (leaf === undefined || authority === undefined) {
    throw new FairleadError(code, "certificate.pem does not hold the site certificate and its CA");
  }
  try {
    const certificate = new X509Certificate(leaf);
    return {
      chain,
      authority,
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
    };
  } catch (cause) {
    throw new FairleadError(code, "certificate.pem holds no readable certificate", { cause });
  }
}

/** Believes no answer that would not work later: other key, other CA. @throws FairleadError `certificate.untrusted`. */
export function verifyChain({ chain, authority }: Chain, ca: string, holds: Holds): void {
  const leaf = new X509Certificate(chain);
  const issuer = new X509Certificate(authority);
  const root = new X509Certificate(ca);
  if (!holds(leaf)) {
    throw new FairleadError("certificate.untrusted", "the edge answered with a certificate for another key");
  }
  if (!leaf.verify(issuer.publicKey) || !issuer.verify(root.publicKey)) {
    throw new FairleadError("certificate.untrusted", "the edge answered with a certificate of another CA");
  }
}

/**
 * The deployment CA to trust from now on: the re-issued one, if it is of the same name and key and ends later.
 * @throws FairleadError `certificate.untrusted` when it is another CA: nothing that comes from the edge changes
 * whom a site trusts.
 */
export function successorOf(ca: string, reissued: string | undefined): string {
  if (reissued === undefined || reissued === ca) return ca;
  const before = new X509Certificate(ca);
  const after = readCa(reissued);
  if (after === null || !sameAuthority(before, after) || !after.verify(after.publicKey)) {
    throw new FairleadError("certificate.untrusted", "the edge answered with another deployment CA");
  }
  return after.validToDate.getTime() > before.validToDate.getTime() ? after.toString() : ca;
}

/** When a certificate ends, ms since 1970; 0 when it is none. */
export function endOf(base64: string): number {
  try {
    return new X509Certificate(Buffer.from(base64, "base64")).validToDate.getTime();
  } catch {
    return 0;
  }
}

/** Whether two certificates are of the same CA: one name and one key, whatever their serials and ends. */
function sameAuthority(left: X509Certificate, right: X509Certificate): boolean {
  return left.ca && right.ca && left.subject === right.subject && left.publicKey.equals(right.publicKey);
}

function readCa(pem: string): X509Certificate | null {
  try {
    return new X509Certificate(pem);
  } catch {
    return null;
  }
}

/**
 * The certificates that the network CA signs for the listeners of services: who may have one, and for which names.
 * Pure.
 */
import { FairleadError } from "../../../protocol/errors.ts";
import { networkDomain } from "../../../protocol/names.ts";

/** Labels of lower-case letters, digits and hyphens, of which the last is the reserved top-level domain `internal`. */
const INTERNAL = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+internal$/;

/** Longest domain: a service's name and a dot come before it. */
const MAX_DOMAIN = 253 - 64;

/**
 * The DNS names of a service's certificate: the bare name, and the name in the network's domain. The domain begins with
 * the network's name and ends with `internal`, which nobody owns in the public DNS. So a site cannot get a certificate
 * for a name outside its network.
 * @throws FairleadError `certificate.domain`
 */
export function certificateNames(
  service: string,
  network: string,
  domain = networkDomain(network),
): string[] {
  if (!domain.startsWith(`${network}.`) || domain.length > MAX_DOMAIN || !INTERNAL.test(domain)) {
    throw new FairleadError(
      "certificate.domain",
      `The network CA signs no certificate for names in ${domain}: the domain of network ${network} begins with "${network}." and ends with ".internal".`,
    );
  }
  return [service, `${service}.${domain}`];
}

/** An offer, as far as it decides about certificates. */
interface CertifiableOffer {
  /** Id of the offering site. */
  readonly site: string;
  /** Whether the asking site sees the offer: it is exported to the site, and links connect both. */
  readonly isSeen: boolean;
}

/** Whether a site may have a certificate for a service: it sees an offer of the service, or offers the service itself. */
export function mayHaveCertificate(site: string, offers: readonly CertifiableOffer[]): boolean {
  return offers.some((offer) => offer.site === site || offer.isSeen);
}

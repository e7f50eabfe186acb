/** Certificates for the listeners of services, which the network CA signs for connectors over their uplinks. */
import type { NetworkCa } from "../../../protocol/api/networks.ts";
import { decodeBase64, encodeBase64 } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import type { ConnectorMessage } from "../../../protocol/uplink/messages.ts";
import { readCsr } from "../../authority/certificates.ts";
import { writePem } from "../../authority/keys.ts";
import { readCertificate } from "../../authority/x509.ts";
import type { Context } from "../context/context.ts";
import { certificateNames, mayHaveCertificate } from "../policy/service-certificates.ts";
import { isExportedTo } from "../policy/visibility.ts";
import type { SiteRow } from "../store/store.ts";
import { currentVisibility } from "./announcements.ts";

type CertificateRequest = Extract<ConnectorMessage, { type: "certificate.request" }>;

/**
 * Signs a certificate for a service that the site sees or offers. Returns it as base64 DER.
 * @throws FairleadError `service.unknown`, `certificate.domain`, `csr.invalid`, `csr.key_type`, `site.revoked`
 */
export async function signForService(
  context: Context,
  site: SiteRow,
  { service, csr, domain }: CertificateRequest,
): Promise<string> {
  const { store, authorities } = context;
  const network = store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  requireService(context, site.id, service);
  const names = certificateNames(service, network.name, domain);
  const der = decodeBase64(csr);
  if (der === null) throw new FairleadError("csr.invalid");
  const { publicKey } = await readCsr(der);
  const { certificate } = await authorities.signService(service, names, publicKey, context.now());
  // The site may have been revoked, or lost the service, during the signing.
  const member = store.sites.get(site.id);
  if (!member || member.state === "revoked") throw new FairleadError("site.revoked");
  requireService(context, site.id, service);
  context.event(
    "certificate.issued",
    `Site ${member.name} got a certificate for service ${service}: ${names.join(", ")}.`,
    { site: member.name, actor: member.name, owner: member.id },
  );
  return encodeBase64(certificate);
}

/** @throws FairleadError `service.unknown` when the site neither sees nor offers the service */
function requireService(context: Context, site: string, service: string): void {
  const visibility = currentVisibility(context);
  const viewer = visibility.viewer(site);
  const reach = context.linkGraph();
  const offers = visibility.offersOf(service).map(({ offer }) => ({
    site: offer.instance.site,
    isSeen: isExportedTo(viewer, offer) && reach.canReach(site, offer.instance.site),
  }));
  if (mayHaveCertificate(site, offers)) return;
  throw new FairleadError("service.unknown", `This site neither sees nor offers service ${service}.`);
}

/** The network CA as clients of listeners trust it: self-signed. */
export async function describeNetworkCa(context: Context): Promise<NetworkCa> {
  const network = context.store.network.get();
  if (!network) throw new FairleadError("network.unknown");
  const der = await context.authorities.networkRoot(context.now());
  const expiresAt = new Date(readCertificate(der)?.notAfter ?? 0).toISOString();
  return { network: network.name, certificate: writePem("CERTIFICATE", der), expiresAt };
}

/** Gets certificates for the listeners of services from the edge. */
import type { IssueCertificate } from "../listeners/tls/network-certificate.ts";
import { makeCsr } from "../site/csr.ts";
import { toPem } from "../site/pem.ts";
import type { UplinkRequests } from "../uplink/requests.ts";

/** @param domain the domain of the network's services in DNS, where the configuration names one */
export function certificateIssuer(
  uplink: Pick<UplinkRequests, "requestCertificate">,
  domain: () => string | undefined,
): IssueCertificate {
  return async (service, key) => {
    const csr = makeCsr(key, service);
    return toPem(await uplink.requestCertificate(service, csr, domain()));
  };
}

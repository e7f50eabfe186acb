/** Joining and renewal in the API (docs/protocol.md, "Joining"). */
import * as z from "zod";
import { EdgeOrigin } from "../front/edge-origin.ts";
import { LinkId, NetworkId, SiteId } from "../ids.ts";
import { IssuerName, LinkCost, LinkName, NetworkName, SiteName } from "../names.ts";
import { CertificateText, Renewal } from "../uplink/messages.ts";

/** The request of a joining connector. The CSR is PKCS #10, base64 DER, ECDSA P-256. */
export const Redeem = z
  .object({
    claim: z.string().max(300),
    site: SiteName,
    csr: z.string().max(8192),
    /** Name and cost of the link; the next free name of link1, link2, … and 1 unless given. */
    link: z.object({ name: LinkName.optional(), cost: LinkCost.optional() }).optional(),
  })
  .meta({ id: "Redeem" });
export type Redeem = z.infer<typeof Redeem>;

/** The response to a joining connector. Certificates are base64 DER. */
export const Admission = z
  .object({
    network: z.object({ id: NetworkId, name: NetworkName }),
    site: z.object({ id: SiteId, name: SiteName }),
    /** The site certificate. */
    certificate: CertificateText,
    /** The network CA, which signed the site certificate. */
    authority: CertificateText,
    /** Null when the token admits its site without a link. */
    link: z
      .object({
        id: LinkId,
        name: LinkName,
        issuer: IssuerName,
        cost: LinkCost.default(1),
        certificate: CertificateText,
      })
      .nullable(),
    /**
     * The gateway's address, and the audience of assertions. A site refuses values that its token file
     * contradicts.
     */
    edge: z.object({ links: EdgeOrigin, audience: EdgeOrigin }),
  })
  .meta({ id: "Admission" });
export type Admission = z.infer<typeof Admission>;

/**
 * The request of a renewal over HTTP: an assertion of purpose `renew`, whose site certificate may have
 * expired.
 */
export const Renew = z.object({ assertion: z.string().max(16_384) }).meta({ id: "Renew" });

/**
 * The response of a renewal. A site uses the gateway's address only when its operator moves it to another address of the
 * edge without naming the gateway.
 */
export const RenewalResponse = Renewal.extend({
  edge: z.object({ links: EdgeOrigin }).optional(),
}).meta({ id: "Renewal" });
export type RenewalResponse = z.infer<typeof RenewalResponse>;

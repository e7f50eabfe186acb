/** Joining and renewal in the API (docs/protocol.md, "Joining"). */
import { z } from "zod";
import { EdgeOrigin } from "../front/edge-origin.ts";
import { LinkId, NetworkId, SiteId } from "../ids.ts";
import { IssuerName, LinkCost, LinkName, NetworkName, SiteName } from "../names.ts";
import { CertificateText, Renewal } from "../uplink/messages.ts";

/** What a joining connector sends. The CSR is PKCS #10, base64 DER, ECDSA P-256. */
export const Redeem = z
  .object({
    claim: z.string().max(300),
    site: SiteName,
    csr: z.string().max(8192),
    /** What the link is to be called and cost; the next of link1, link2, … and 1 unless given. */
    link: z.object({ name: LinkName.optional(), cost: LinkCost.optional() }).optional(),
  })
  .meta({ id: "Redeem" });
export type Redeem = z.infer<typeof Redeem>;

/** What it gets. Certificates are base64 DER. */
export const Admission = z
  .object({
    network: z.object({ id: NetworkId, name: NetworkName }),
    site: z.object({ id: SiteId, name: SiteName }),
    /** The site certificate. */
    certificate: CertificateText,
    /** The network CA that signed it. */
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
    /** Where uplinks and lanes are dialled, and the audience of assertions; no site takes what its token file contradicts. */
    edge: z.object({ links: EdgeOrigin, audience: EdgeOrigin }),
  })
  .meta({ id: "Admission" });
export type Admission = z.infer<typeof Admission>;

/** Renewal after a long sleep: an assertion with purpose `renew`, its `x5c` possibly expired. */
export const Renew = z.object({ assertion: z.string().max(16_384) }).meta({ id: "Renew" });

export const RenewalAnswer = Renewal.meta({ id: "Renewal" });

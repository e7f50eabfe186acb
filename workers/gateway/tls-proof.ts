/**
 * What says that the connection itself proved a client certificate. There are three ways, and a request has
 * only the one that its entry point gives it; what a client sends is none of them.
 */
import { z } from "zod";
import { decodeBase64 } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";

/** The certificate that was proved in TLS, DER; null when the socket enforced one but does not tell which. */
export type TlsProof = { readonly certificate: Uint8Array | null };

/** Properties of the `Gateway` entrypoint behind the embedded edge's front, which reports the certificate it verified. */
const ReportingProps = z.object({ reportsClientCertificates: z.literal(true) });
/** Properties of the `Gateway` entrypoint behind workerd's own socket for lanes, which tells no certificate. */
const EnforcingProps = z.object({ enforcesClientCertificates: z.literal(true) });

/**
 * On workerd: behind the front as on Cloudflare; at workerd's own socket the configuration says that nobody gets in
 * without a certificate of the deployment CA. `props` come from the configuration alone, never from a request or a
 * variable.
 *
 * @param cf `request.cf`, which the front fills
 * @throws FairleadError certificate.required, certificate.revoked
 */
export function proofFromSocket(props: unknown, cf: unknown): TlsProof {
  if (ReportingProps.safeParse(props).success) return proofFromPlatform(cf);
  if (!EnforcingProps.safeParse(props).success) throw new FairleadError("certificate.required");
  return { certificate: null };
}

/**
 * What Cloudflare reports of the handshake. Every field is a string, and "0" is truthy: compared exactly.
 * `certVerified` is not looked at: Cloudflare does not know our CA and says "FAILED:…" of every good
 * certificate; the chain is checked by us, and possession by the assertion's signature as well. Nor is the chain
 * that it reports: the assertion brings the one that counts.
 */
const Reported = z.object({
  certPresented: z.literal("1"),
  certRevoked: z.enum(["0", "1"]).optional(),
  /** The leaf, `:base64 DER:` (RFC 9440). */
  certRFC9440: z.string().regex(/^:[A-Za-z0-9+/]+={0,2}:$/),
});

/** The platform reports no certificate above 10 KB, and says so. Ours have 1 KB. */
const TooLarge = z.object({
  tlsClientAuth: z.object({ certRFC9440TooLarge: z.enum(["1", "true"]).or(z.literal(true)) }),
});

/**
 * @param cf `request.cf`, which the platform fills
 * @throws FairleadError certificate.required, certificate.revoked
 */
export function proofFromPlatform(cf: unknown): TlsProof {
  if (TooLarge.safeParse(cf).success) {
    throw new FairleadError(
      "certificate.required",
      "The certificate is too large for the platform to report.",
    );
  }
  const parsed = z.object({ tlsClientAuth: Reported }).safeParse(cf);
  if (!parsed.success) throw new FairleadError("certificate.required");
  const { certRevoked, certRFC9440 } = parsed.data.tlsClientAuth;
  if (certRevoked === "1") throw new FairleadError("certificate.revoked");
  const certificate = decodeBase64(certRFC9440.slice(1, -1));
  if (certificate === null) throw new FairleadError("certificate.required");
  return { certificate };
}

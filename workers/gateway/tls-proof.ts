/**
 * The proof that TLS verified a client certificate of the connection. Its source depends on the entry point
 * of a request alone, and never on what the client sends.
 */
import * as z from "zod";
import { decodeBase64 } from "../../protocol/encoding.ts";
import { FairleadError } from "../../protocol/errors.ts";

/**
 * The certificate that TLS proved, DER; null when the socket enforced a certificate but does not report it.
 */
export type TlsProof = { readonly certificate: Uint8Array | null };

/**
 * Properties of the `Gateway` entrypoint behind the embedded edge's front, which reports the certificate it
 * verified.
 */
const ReportingProps = z.object({ reportsClientCertificates: z.literal(true) });
/**
 * Properties of the `Gateway` entrypoint behind workerd's own socket for lanes, which reports no certificate.
 */
const EnforcingProps = z.object({ enforcesClientCertificates: z.literal(true) });

/**
 * The proof on workerd. Behind the front, `request.cf` reports the certificate as on Cloudflare. At workerd's
 * own socket, the configuration enforces a certificate of the deployment CA. `props` come from workerd's
 * configuration alone, never from a request or a variable.
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
 * Cloudflare's report of the handshake (`cf.tlsClientAuth`, November 2026). Every field is a string, and "0"
 * is truthy, so fields are compared exactly. `certVerified` is not read: Cloudflare does not know the
 * deployment CA and reports "FAILED:…" for every valid certificate. The Worker verifies the chain in the
 * assertion, and its signature proves the key.
 * https://developers.cloudflare.com/workers/runtime-apis/request/#incomingrequestcfproperties
 */
const Reported = z.object({
  certPresented: z.literal("1"),
  certRevoked: z.enum(["0", "1"]).optional(),
  /** The leaf, `:base64 DER:` (RFC 9440). */
  certRFC9440: z.string().regex(/^:[A-Za-z0-9+/]+={0,2}:$/),
});

const Platform = z.object({ tlsClientAuth: Reported });

/** Cloudflare reports no certificate above 10 KB, and says so. Certificates of sites have about 1 KB. */
const TooLarge = z.object({
  tlsClientAuth: z.object({ certRFC9440TooLarge: z.enum(["1", "true"]).or(z.literal(true)) }),
});

/**
 * The proof on Cloudflare.
 *
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
  const parsed = Platform.safeParse(cf);
  if (!parsed.success) throw new FairleadError("certificate.required");
  const { certRevoked, certRFC9440 } = parsed.data.tlsClientAuth;
  if (certRevoked === "1") throw new FairleadError("certificate.revoked");
  const certificate = decodeBase64(certRFC9440.slice(1, -1));
  if (certificate === null) throw new FairleadError("certificate.required");
  return { certificate };
}

/**
 * TLS 1.3 between two connectors, over a carrier. Both sides present their site certificates. Each side
 * verifies that the peer's certificate is signed by this network's CA and names the site that the registry
 * authorised. A re-issued CA of the same name and key is the same CA.
 *
 * The server side uses a `tls.Server`: a TLSSocket made directly ignores `rejectUnauthorized` (Node 24). Both
 * sides check `authorized` and the name here again, before any byte of the peer is used.
 */
import { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { siteUri } from "../../protocol/names.ts";

/** The identity that this connector proves in its sessions. */
export interface SessionIdentity {
  /** Network id. */
  network: string;
  /** Site id. */
  site: string;
  /** PEM: the site certificate, then the network CA. */
  certificate: string;
  /** PEM of the private key. */
  key: string;
  /** PEM of the network CA, the only trusted root. The peer may present another issue of the same CA. */
  authority: string;
}

export interface TlsOptions {
  role: "client" | "server";
  identity: SessionIdentity;
  /** Id of the site that the registry authorised. */
  peerSite: string;
}

/**
 * Opens a TLS connection over a carrier. On the client side it may resolve before the server has verified
 * this side's certificate. The first bytes from the server prove that it has.
 * @throws FairleadError `session.untrusted`, `session.wrong_peer`, `session.tampered`; `session.lost`, or the
 * carrier's own failure, when the carrier ended.
 */
export async function openTls(carrier: Duplex, options: TlsOptions): Promise<tls.TLSSocket> {
  const socket = options.role === "client" ? await connect(carrier, options) : await accept(carrier, options);
  try {
    verifyPeer(socket, options);
  } catch (error) {
    // An error would be unhandled: this socket has no error listener.
    socket.destroy();
    throw error;
  }
  return socket;
}

/** The SNI name of the handshake. It selects the server's context and identifies no host. */
const CONTEXT_NAME = "session.fairlead";

const VERSIONS = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const;

/** The certificate, key and trusted root, the same for client and server. */
function makeContext(identity: SessionIdentity): tls.SecureContext {
  return tls.createSecureContext({
    ...VERSIONS,
    key: identity.key,
    cert: identity.certificate,
    ca: identity.authority,
    // The network CA is not self-signed. Trust ends with it: its issuer, the deployment CA, is not trusted
    // here.
    allowPartialTrustChain: true,
  });
}

async function connect(carrier: Duplex, options: TlsOptions): Promise<tls.TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  const socket = tls.connect({
    socket: carrier,
    secureContext: makeContext(options.identity),
    rejectUnauthorized: true,
    ...VERSIONS,
    servername: CONTEXT_NAME,
    // Sites have no hostnames; verifyPeer checks the site's URI instead.
    checkServerIdentity: () => undefined,
  });
  socket.once("secureConnect", () => resolve(socket));
  socket.on("error", (error) => reject(handshakeError(error, socket)));
  socket.once("close", () =>
    reject(new FairleadError("session.lost", "The lane ended during the TLS handshake.")),
  );
  return promise;
}

async function accept(carrier: Duplex, options: TlsOptions): Promise<tls.TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  // Each handshake has a server of its own, because certificates are renewed and TLS sessions must not be
  // resumed. A tls.Server drops allowPartialTrustChain (Node 24); a context selected by SNI keeps it. The
  // server's own context has no certificate and trusts the CA only as a self-signed root, so a connection
  // without SNI fails.
  const context = makeContext(options.identity);
  const server = tls.createServer({
    ...VERSIONS,
    ca: options.identity.authority,
    requestCert: true,
    rejectUnauthorized: true,
    SNICallback: (_, choose) => choose(null, context),
  });
  server.once("secureConnection", (socket: tls.TLSSocket) => {
    socket.on("error", () => {});
    resolve(socket);
  });
  server.once("tlsClientError", (error: Error, socket: tls.TLSSocket) =>
    reject(handshakeError(error, socket)),
  );
  // Emitting "connection" with any Duplex is documented:
  // https://nodejs.org/docs/latest-v24.x/api/tls.html#event-connection
  server.emit("connection", carrier);
  return promise;
}

/** Verifies that the peer is authenticated and is the authorised site. @throws FairleadError */
function verifyPeer(socket: tls.TLSSocket, { identity, peerSite }: TlsOptions): void {
  const certificate = socket.getPeerX509Certificate();
  if (!socket.authorized || certificate === undefined) {
    throw rejected(String(socket.authorizationError ?? "it presented none"));
  }
  // OpenSSL has verified this. The check is repeated because the trust of the whole session depends on it.
  const authority = new X509Certificate(identity.authority);
  if (certificate.issuer !== authority.subject || !certificate.verify(authority.publicKey)) {
    throw new FairleadError("session.untrusted", "The peer's certificate is not signed by the network's CA.");
  }
  const expected = `URI:${siteUri(identity.network, peerSite)}`;
  // Compares the whole extension: a certificate with a second name is not a site certificate.
  if (certificate.subjectAltName !== expected) {
    throw new FairleadError(
      "session.wrong_peer",
      `The peer's certificate names ${certificate.subjectAltName ?? "no site"} instead of ${expected}.`,
    );
  }
}

/** What to do about a peer's certificate that is rejected for its validity. */
const VALIDITY_ACTIONS: Readonly<Record<string, string>> = {
  CERT_NOT_YET_VALID:
    "Compare the clocks of both sites and of the edge with the real time, and correct the wrong one: by the clock of this site, the peer's certificate is not valid yet.",
  CERT_HAS_EXPIRED:
    "Compare the clocks of both sites and of the edge with the real time, and correct the wrong one: by the clock of this site, the peer's certificate has expired. If all are right, check why the peer's connector does not renew: its log says so.",
};

/** The error of a peer whose certificate was rejected. @param why OpenSSL's code, or a reason */
function rejected(why: string, cause?: Error): FairleadError {
  const action = VALIDITY_ACTIONS[why];
  return new FairleadError("session.untrusted", `The peer's certificate was rejected: ${why}.`, {
    cause,
    action,
  });
}

/** What to do when the peer rejected the certificate of this site for its validity. */
const EXPIRED_HERE =
  "Compare the clocks of both sites and of the edge with the real time, and correct the wrong one: by the clock of the peer, the certificate of this site is not valid.";

/** TLS alerts and OpenSSL reasons that concern certificates. */
const ABOUT_CERTIFICATES = /CERT|UNKNOWN_CA|ACCESS_DENIED/;

/** The error of a failed handshake. */
function handshakeError(error: Error & { code?: string }, socket: tls.TLSSocket): FairleadError {
  if (error instanceof FairleadError) return error;
  if (socket.authorizationError) {
    return rejected(String(socket.authorizationError), error);
  }
  const code = error.code ?? "";
  if (code.startsWith("ERR_SSL_") && ABOUT_CERTIFICATES.test(code)) {
    return new FairleadError("session.untrusted", `The TLS handshake failed: ${error.message}.`, {
      cause: error,
      action: /CERTIFICATE_EXPIRED/.test(code) ? EXPIRED_HERE : undefined,
    });
  }
  return tlsError(error);
}

/** The error of a failed TLS connection. Records that OpenSSL rejects were altered on the way. */
export function tlsError(error: Error & { code?: string }): FairleadError {
  const code = error.code ?? "";
  if (code.startsWith("ERR_SSL_")) {
    const known = ABOUT_CERTIFICATES.test(code) ? "session.untrusted" : "session.tampered";
    const action = /CERTIFICATE_EXPIRED/.test(code) ? EXPIRED_HERE : undefined;
    return new FairleadError(known, `TLS failed: ${error.message}.`, { cause: error, action });
  }
  return asFairleadError(error, "session.lost");
}

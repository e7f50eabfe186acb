/**
 * TLS 1.3 between two connectors, over a carrier. Both sides present their site certificate, and each checks
 * that the other's is signed by exactly this network's CA (its name and key: one that was re-issued is the same) and
 * names exactly the site that the registry authorised.
 *
 * The server side goes through a `tls.Server`: on a TLSSocket made by hand, `rejectUnauthorized` is not acted
 * upon. On either side `authorized` and the name are checked here again, before a byte of the peer is used.
 */
import { X509Certificate } from "node:crypto";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { siteUri } from "../../protocol/names.ts";

/** What this connector proves in its sessions. */
export interface SessionIdentity {
  /** Network id. */
  network: string;
  /** Site id. */
  site: string;
  /** PEM: the site certificate, then the network CA. */
  certificate: string;
  /** PEM of the private key. */
  key: string;
  /** PEM of the network CA, the only one trusted; the peer may hold it as it was issued at another time. */
  authority: string;
}

export interface SecureOptions {
  role: "client" | "server";
  identity: SessionIdentity;
  /** Site id that the registry authorised. */
  peerSite: string;
}

/**
 * Makes the TLS connection. On the client side it may resolve before the server has judged our certificate:
 * only the server's first bytes prove that.
 * @throws FairleadError session.untrusted, session.wrong_peer, session.tampered; session.lost (or why the
 * carrier failed) when the carrier ended.
 */
export async function secure(carrier: Duplex, options: SecureOptions): Promise<tls.TLSSocket> {
  const socket = options.role === "client" ? await connect(carrier, options) : await accept(carrier, options);
  try {
    verifyPeer(socket, options);
  } catch (error) {
    // Without an error: nobody listens to this socket.
    socket.destroy();
    throw error;
  }
  return socket;
}

/** The name that a client sends in the handshake (SNI); it chooses the server's context and names nobody. */
const CONTEXT_NAME = "session.fairlead";

const VERSIONS = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3" } as const;

/** What we prove and whom we trust, on both sides. */
function makeContext(identity: SessionIdentity): tls.SecureContext {
  return tls.createSecureContext({
    ...VERSIONS,
    key: identity.key,
    cert: identity.certificate,
    ca: identity.authority,
    // The network CA is not self-signed: trust ends with it, its own issuer is not trusted.
    allowPartialTrustChain: true,
  });
}

async function connect(carrier: Duplex, options: SecureOptions): Promise<tls.TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  const socket = tls.connect({
    socket: carrier,
    secureContext: makeContext(options.identity),
    rejectUnauthorized: true,
    ...VERSIONS,
    servername: CONTEXT_NAME,
    // Sites have no hostnames: verifyPeer checks the name instead.
    checkServerIdentity: () => undefined,
  });
  socket.once("secureConnect", () => resolve(socket));
  socket.on("error", (error) => reject(handshakeError(error, socket)));
  socket.once("close", () =>
    reject(new FairleadError("session.lost", "the lane ended during the handshake")),
  );
  return promise;
}

async function accept(carrier: Duplex, options: SecureOptions): Promise<tls.TLSSocket> {
  const { promise, resolve, reject } = Promise.withResolvers<tls.TLSSocket>();
  // A server of its own for each handshake: certificates are renewed, and no session can be resumed.
  // A tls.Server drops allowPartialTrustChain (Node 24); a context that is chosen by SNI keeps it. The server's
  // own context proves nothing and trusts the CA as a root only, which it is not: no SNI, no connection.
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
  // Documented: "connection" may be emitted with any Duplex.
  server.emit("connection", carrier);
  return promise;
}

/** The peer must be proven, and be exactly the one site. @throws FairleadError */
function verifyPeer(socket: tls.TLSSocket, { identity, peerSite }: SecureOptions): void {
  const certificate = socket.getPeerX509Certificate();
  if (!socket.authorized || certificate === undefined) {
    throw new FairleadError(
      "session.untrusted",
      `the peer's certificate: ${socket.authorizationError ?? "none"}`,
    );
  }
  // What OpenSSL was told to see to, once more in two lines that nobody can misunderstand.
  const authority = new X509Certificate(identity.authority);
  if (certificate.issuer !== authority.subject || !certificate.verify(authority.publicKey)) {
    throw new FairleadError("session.untrusted", "the peer's certificate is not signed by the network's CA");
  }
  const expected = `URI:${siteUri(identity.network, peerSite)}`;
  // Equality with the whole extension: a certificate with a second name is not a site certificate.
  if (certificate.subjectAltName !== expected) {
    throw new FairleadError(
      "session.wrong_peer",
      `the peer's certificate names ${certificate.subjectAltName ?? "nobody"} instead of ${expected}`,
    );
  }
}

/** Alerts and OpenSSL reasons that are about certificates. */
const ABOUT_CERTIFICATES = /CERT|UNKNOWN_CA|ACCESS_DENIED/;

/** Why a handshake failed, as an error with a code. */
function handshakeError(error: Error & { code?: string }, socket: tls.TLSSocket): FairleadError {
  if (error instanceof FairleadError) return error;
  if (socket.authorizationError) {
    return new FairleadError("session.untrusted", `the peer's certificate: ${socket.authorizationError}`, {
      cause: error,
    });
  }
  const code = error.code ?? "";
  if (code.startsWith("ERR_SSL_") && ABOUT_CERTIFICATES.test(code)) {
    return new FairleadError("session.untrusted", `handshake: ${error.message}`, { cause: error });
  }
  return connectionError(error);
}

/** Why an established TLS connection failed: what OpenSSL refuses was altered on the way. */
export function connectionError(error: Error & { code?: string }): FairleadError {
  const code = error.code ?? "";
  if (code.startsWith("ERR_SSL_")) {
    const known = ABOUT_CERTIFICATES.test(code) ? "session.untrusted" : "session.tampered";
    return new FairleadError(known, error.message, { cause: error });
  }
  return asFairleadError(error, "session.lost");
}

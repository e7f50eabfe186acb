/** Tries the path to one address of the edge, layer by layer. It sends no secret, as nothing is proven yet. */

import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { connect, isIP, type Socket } from "node:net";
import {
  checkServerIdentity,
  connect as connectTls,
  getCACertificates,
  type PeerCertificate,
  type TLSSocket,
} from "node:tls";
import { asFairleadError, FairleadError } from "../../protocol/errors.ts";
import { withTimeout } from "../async/timeout.ts";
import { type Destination, destinationOf } from "../net/destination.ts";
import { httpsError } from "../net/failures.ts";
import { formatAddress } from "../net/local-socket.ts";
import { edgeNames } from "../net/name-resolver.ts";
import { type Environment, type ProxyAddress, proxyFor } from "../net/proxy.ts";
import { openTunnel } from "../net/tunnel.ts";
import { measureSkew } from "../uplink/clock-skew.ts";
import type { Place } from "./finding.ts";
import type { PathObservation, PathTrust, TlsObservation } from "./path-judgement.ts";

export interface PathTarget {
  readonly place: Place;
  /** `https://HOST[:PORT]`. */
  readonly origin: string;
  readonly trust: PathTrust;
  /** Certificate and key of the site, PEM, for the gateway. */
  readonly identity: { readonly certificate: string; readonly key: string } | null;
}

export interface ProbedPath {
  readonly path: PathObservation;
  /** How far the edge's clock is ahead, ms; null when it did not tell. */
  readonly skewMs: number | null;
}

/** Time limit of each layer, ms. */
const LAYER_MS = 8000;

/**
 * Probes an address.
 * @param now this machine's clock, ms since 1970
 * @throws FairleadError `proxy.failed` when the environment names an unusable proxy
 */
export async function probePath(
  target: PathTarget,
  environment: Environment,
  now: () => number,
): Promise<ProbedPath> {
  const { host, port } = destinationOf(new URL(target.origin));
  const proxy = proxyFor(target.origin, environment);
  const { place, trust } = target;
  const base = { place, host, port, trust, proxy: proxy?.origin ?? null };
  const addresses = await resolve(host, target.origin, proxy);
  if (addresses instanceof FairleadError) {
    return { path: { ...base, addresses, connectedMs: null, tls: null }, skewMs: null };
  }
  const started = performance.now();
  const socket = await open(host, port, target.origin, proxy);
  if (socket instanceof FairleadError) {
    return { path: { ...base, addresses, connectedMs: socket, tls: null }, skewMs: null };
  }
  const connectedMs = performance.now() - started;
  try {
    const { tls, secure } = await handshake(socket, host, target);
    const skewMs = secure === null || place !== "api" ? null : await skewOf(secure, { host, port }, now);
    return { path: { ...base, addresses, connectedMs, tls }, skewMs };
  } finally {
    socket.destroy();
  }
}

/** Addresses of a name; null for an address, and for a name that a proxy resolves. */
async function resolve(host: string, origin: string, proxy: ProxyAddress | null) {
  if (isIP(host) !== 0 || (proxy !== null && proxy.scheme !== "socks5")) return null;
  try {
    const found = await withTimeout(edgeNames.resolve(host), LAYER_MS, () => timeout());
    return found.map(({ address }) => address);
  } catch (thrown) {
    return httpsError(thrown, { url: origin, proxy: null, timeoutMs: LAYER_MS });
  }
}

async function open(
  host: string,
  port: number,
  origin: string,
  proxy: ProxyAddress | null,
): Promise<Socket | FairleadError> {
  if (proxy !== null) {
    return await openTunnel(proxy, { host, port }, { timeoutMs: LAYER_MS }).catch((thrown: unknown) =>
      asFairleadError(thrown, "proxy.failed"),
    );
  }
  const socket = connect({ host, port, lookup: edgeNames.lookup });
  try {
    await withTimeout(once(socket, "connect"), LAYER_MS, () => timeout());
    return socket.on("error", () => {});
  } catch (thrown) {
    socket.on("error", () => {}).destroy();
    return httpsError(thrown, { url: origin, proxy: null, timeoutMs: LAYER_MS });
  }
}

/** A handshake that does not end at an untrusted certificate, so that the certificate can be described. */
async function handshake(
  socket: Socket,
  host: string,
  { origin, trust, identity }: PathTarget,
): Promise<{ tls: TlsObservation | FairleadError; secure: TLSSocket | null }> {
  let wrongName = false;
  try {
    const secure = connectTls({
      socket,
      servername: isIP(host) === 0 ? host : "",
      ...(trust.ca === null ? {} : { ca: [...trust.ca] }),
      ...(identity === null ? {} : { cert: identity.certificate, key: identity.key }),
      rejectUnauthorized: false,
      checkServerIdentity: (_: string, certificate: PeerCertificate) => {
        const error = checkServerIdentity(host, certificate);
        wrongName = error !== undefined;
        return error;
      },
    });
    secure.on("error", () => {});
    await withTimeout(once(secure, "secureConnect"), LAYER_MS, () => timeout());
    const code = secure.authorizationError as Error | string | undefined | null;
    const error = secure.authorized ? null : wrongName ? "ERR_TLS_CERT_ALTNAME_INVALID" : codeOf(code);
    return { tls: describe(secure, error), secure };
  } catch (thrown) {
    const known = httpsError(thrown, { url: origin, proxy: null, timeoutMs: LAYER_MS });
    const tls = new FairleadError("edge.unreachable", `TLS with ${origin} failed: ${known.message}`, {
      cause: thrown,
      action:
        "Check that the port in the URL is that of the edge, and that no device on the path interferes with TLS.",
    });
    return { tls, secure: null };
  }
}

const codeOf = (error: Error | string | undefined | null): string =>
  error instanceof Error ? String("code" in error ? error.code : error.message) : String(error ?? "unknown");

function describe(secure: TLSSocket, error: string | null): TlsObservation | FairleadError {
  const leaf = secure.getPeerX509Certificate();
  if (leaf === undefined) return new FairleadError("edge.untrusted", "The server showed no certificate.");
  let top = leaf;
  // A certificate of a peer may be its own issuer.
  for (let depth = 0; depth < 8 && top.issuerCertificate !== undefined; depth++) {
    if (top.issuerCertificate.fingerprint256 === top.fingerprint256) break;
    top = top.issuerCertificate;
  }
  return {
    protocol: secure.getProtocol() ?? "TLS",
    error,
    issuer: commonName(leaf.issuer),
    isKnownCa: bundledSubjects().has(top.issuer),
    fingerprint: top.fingerprint256,
    names: leaf.subjectAltName ?? commonName(leaf.subject),
    notBefore: leaf.validFromDate.getTime(),
    notAfter: leaf.validToDate.getTime(),
  };
}

const commonName = (name: string): string => /^CN=(.*)$/m.exec(name)?.[1] ?? name.replaceAll("\n", ", ");

let bundled: ReadonlySet<string> | undefined;

/** The names of the CAs that Node comes with. */
function bundledSubjects(): ReadonlySet<string> {
  bundled ??= new Set(getCACertificates("bundled").map((pem) => new X509Certificate(pem).subject));
  return bundled;
}

/** The edge's clock by the Date header of a public endpoint. */
async function skewOf(
  secure: TLSSocket,
  { host, port }: Destination,
  now: () => number,
): Promise<number | null> {
  const asked = request({
    path: "/v1/health",
    headers: { host: formatAddress(host, port), connection: "close" },
    createConnection: () => secure,
  });
  const requested = now();
  try {
    asked.end();
    const [response] = await withTimeout(once(asked, "response"), LAYER_MS, () => timeout());
    const answered = now();
    response.destroy();
    const date = Date.parse(String(response.headers.date));
    return Number.isNaN(date) ? null : measureSkew(date, { requested, answered });
  } catch {
    return null;
  } finally {
    asked.on("error", () => {}).destroy();
  }
}

const timeout = (): Error => Object.assign(new Error("It took too long."), { code: "ETIMEDOUT" });

/** Probes of workerd: over a Unix socket, or by a TLS handshake with the expected certificate. */
import { X509Certificate } from "node:crypto";
import { get } from "node:http";
import { connect } from "node:tls";
import { type Address, localAddress } from "../addresses/addresses.ts";

/** Timeout of a probe, ms. */
const PROBE_MS = 5_000;

/**
 * Makes one TLS handshake from this machine. workerd refuses the client afterwards, since it has no
 * certificate; the handshake shows whether the expected server responds.
 *
 * @param certificate the server certificate expected, PEM
 */
export function probeTls(certificate: string, address: Address): Promise<boolean> {
  const { host, port } = localAddress(address);
  const expected = new X509Certificate(certificate).fingerprint256;
  return new Promise((resolve) => {
    // Verified by comparison with the certificate itself.
    const socket = connect({ host, port, rejectUnauthorized: false });
    const finish = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(PROBE_MS, () => finish(false));
    socket.on("error", () => finish(false));
    socket.once("close", () => resolve(false));
    socket.once("secureConnect", () => finish(socket.getPeerX509Certificate()?.fingerprint256 === expected));
  });
}

/** Sends one request over a Unix socket. Any response counts. */
export function probeSocket(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ socketPath, path: "/v1/health", timeout: PROBE_MS, agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
  });
}

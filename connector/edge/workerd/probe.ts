/** Whether workerd answers: on a Unix socket, or with TLS and the certificate that it is to have. */
import { X509Certificate } from "node:crypto";
import { get } from "node:http";
import { connect } from "node:tls";
import { type Address, localAddress } from "../addresses/addresses.ts";

const PROBE_MS = 5_000;

/**
 * One handshake from this machine. The gateway would refuse this client afterwards, since it has no
 * certificate; what counts is who answered.
 *
 * @param certificate the server certificate expected, PEM
 */
export function answersWith(certificate: string, address: Address): Promise<boolean> {
  const { host, port } = localAddress(address);
  const expected = new X509Certificate(certificate).fingerprint256;
  return new Promise((resolve) => {
    // Not verified by a chain but by being this very certificate.
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

/** One request over a Unix socket. What the answer is does not matter. */
export function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ socketPath, path: "/v1/health", timeout: PROBE_MS, agent: false }, (response) => {
      response.resume();
      resolve(true);
    });
    request.once("timeout", () => request.destroy());
    request.once("error", () => resolve(false));
  });
}

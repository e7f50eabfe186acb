/** A client of an edge under test: requests, certificates and processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { createPrivateKey, generateKeyPairSync, type KeyObject, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { connect } from "node:tls";
import type { Credential } from "../../../connector/edge/credentials/certificates.ts";
import * as x509 from "../../../connector/x509.ts";

export const STUB_EDGE = join(import.meta.dirname, "stub-edge");

export interface Client {
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

/** GETs a URL over a new connection. Rejects when TLS fails. */
export function get(url: string, client: Client): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ...client, agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    asked.on("error", reject).end();
  });
}

/** Returns the serial number of the served certificate. */
export function servedSerial(url: string, ca: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

/** Makes a client certificate signed by `authority`, in the form of a site's. */
export async function makeClientCertificate(
  authority: Credential,
  { notAfter = new Date(Date.now() + 3_600_000) }: { notAfter?: Date } = {},
): Promise<{ cert: string; key: string }> {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=site",
    issuer: new x509.X509Certificate(authority.certificate).subject,
    notBefore: new Date(Date.now() - 60_000),
    notAfter,
    signingKey: await importKey(createPrivateKey(authority.privateKey), "sign"),
    publicKey: await importKey(pair.publicKey, "verify"),
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  return {
    cert: certificate.toString("pem"),
    key: String(pair.privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

function importKey(key: KeyObject, use: "sign" | "verify"): Promise<webcrypto.CryptoKey> {
  const form = use === "sign" ? "pkcs8" : "spki";
  const der = key.export({ type: form, format: "der" } as { type: "spki"; format: "der" });
  return webcrypto.subtle.importKey(form, der, { name: "ECDSA", namedCurve: "P-256" }, true, [use]);
}

/** The first output of an edge process: its addresses, or the code of its error. */
export interface EdgeProcess {
  readonly child: ChildProcess;
  readonly said: {
    readonly apiUrl: string;
    readonly gatewayUrl: string;
    readonly door?: unknown;
    readonly caFile: string;
    readonly code?: string;
  };
}

export async function startEdgeProcess(options: Record<string, unknown>): Promise<EdgeProcess> {
  const script = join(import.meta.dirname, "edge-process.ts");
  const child = spawn(process.execPath, [script, JSON.stringify(options)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout });
  const line = await new Promise<string>((resolve, reject) => {
    lines.once("line", resolve);
    child.once("exit", (status, signal) =>
      reject(new Error(`The edge process exited: ${status ?? signal}.`)),
    );
  });
  return { child, said: JSON.parse(line) };
}

export function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}

/** Returns the direct children of a process, with pid and command line. */
export function childrenOf(pid: number): { pid: number; command: string }[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  if (text === "") return [];
  return text.split(" ").map((child) => ({
    pid: Number(child),
    command: readFileSync(`/proc/${child}/cmdline`, "utf8").replaceAll("\0", " "),
  }));
}

export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

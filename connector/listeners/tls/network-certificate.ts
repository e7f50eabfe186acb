/**
 * A certificate that the network's CA issues for a service. The key is made here and stays in memory. The certificate is
 * renewed at half of its life.
 */

import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { MAX_TIMER_MS } from "../../async/timeout.ts";
import type { Log } from "../../log.ts";
import { Backoff } from "../../net/backoff.ts";
import type { CertificateSource, OnCertificate } from "./certificate-source.ts";

/** Requests a certificate for a key of this connector. Returns PEM. @throws FairleadError the edge's code */
export type IssueCertificate = (service: string, key: KeyObject) => Promise<string>;

export interface NetworkCertificateOptions {
  readonly service: string;
  readonly issue: IssueCertificate;
  readonly onChange: OnCertificate;
  readonly log: Log;
  readonly now?: () => number;
  /** Backoff between failed requests, ms. */
  readonly retry?: { readonly base: number; readonly cap: number };
}

const RETRY = { base: 1000, cap: 300_000 } as const;

/** Least time between two certificates, ms: by a clock that is far ahead, even a new certificate is old. */
const BETWEEN_MS = 60_000;

export class NetworkCertificate implements CertificateSource {
  readonly #options: NetworkCertificateOptions;
  readonly #now: () => number;
  readonly #backoff: Backoff;
  #context: SecureContext | null = null;
  #trouble: FairleadError | null = null;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: NetworkCertificateOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#backoff = new Backoff({ ...(options.retry ?? RETRY), random: Math.random });
  }

  get context(): SecureContext | null {
    return this.#context;
  }

  get trouble(): FairleadError | null {
    return this.#trouble;
  }

  start(): void {
    void this.#request();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #request(): Promise<void> {
    const { service, issue, onChange, log } = this.#options;
    let delay: number;
    try {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const pem = await issue(service, privateKey);
      if (this.#isClosed) return;
      const certificate = new X509Certificate(pem);
      if (!certificate.checkPrivateKey(privateKey)) {
        throw new FairleadError("listener.certificate", "The edge signed a certificate for another key.");
      }
      const key = privateKey.export({ type: "pkcs8", format: "pem" });
      this.#context = createSecureContext({ cert: pem, key });
      this.#trouble = null;
      this.#backoff.reset();
      const { validToDate, subjectAltName } = certificate;
      delay = Math.max(BETWEEN_MS, (validToDate.getTime() - this.#now()) / 2);
      log.info(
        { service, names: subjectAltName, until: validToDate.toISOString() },
        "The network issued a certificate for the listener.",
      );
    } catch (thrown) {
      if (this.#isClosed) return;
      const before = this.#trouble?.code;
      this.#trouble = asFairleadError(thrown, "listener.certificate");
      delay = this.#backoff.next();
      const { code, action, message } = this.#trouble;
      const text = `The network issued no certificate for the listener: ${message}`;
      if (code !== before) log.warn({ service, code, action }, text);
    }
    this.#timer = setTimeout(() => void this.#request(), Math.min(delay, MAX_TIMER_MS)).unref();
    onChange();
  }
}

/** The TLS of this site's listeners: the certificates of services, and the handshakes of their clients. */
import type { Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { FairleadError } from "../../../protocol/errors.ts";
import { Waiters } from "../../async/waiters.ts";
import { type ListenerTlsOption, sameListenerTls } from "../../config/listener-tls-options.ts";
import type { Log } from "../../log.ts";
import { acceptTls } from "./accept-tls.ts";
import type { CertificateSource } from "./certificate-source.ts";
import { FileCertificate } from "./file-certificate.ts";
import { type IssueCertificate, NetworkCertificate } from "./network-certificate.ts";

/** How long a client waits for the first certificate of its listener, ms. */
const WAIT_MS = 10_000;

export interface ListenerTlsOptions {
  readonly services: readonly ListenerTlsOption[];
  readonly issue: IssueCertificate;
  /** Called when the certificate of a service has changed, or why there is none. */
  readonly onChange: (service: string) => void;
  readonly log: Log;
  readonly waitMs?: number;
  readonly handshakeMs?: number;
}

/** What becomes of a client: its plaintext, or the reason why there is none. */
export interface TlsOutcome {
  readonly onClient: (socket: Socket) => void;
  readonly onRefused: (socket: Socket, error: FairleadError) => void;
}

interface Served {
  readonly option: ListenerTlsOption;
  readonly source: CertificateSource;
}

export class ListenerTls {
  readonly #options: ListenerTlsOptions;
  #wanted: ReadonlyMap<string, ListenerTlsOption>;
  /** The services that have listeners. */
  #services: ReadonlySet<string> = new Set();
  readonly #served = new Map<string, Served>();
  readonly #waiters = new Waiters();
  #isClosed = false;

  constructor(options: ListenerTlsOptions) {
    this.#options = options;
    this.#wanted = byName(options.services);
  }

  /** Takes over other settings, for connections that begin from now on. */
  configure(services: readonly ListenerTlsOption[]): void {
    this.#wanted = byName(services);
    this.#review();
  }

  /** Tells which services have listeners. Only they need certificates. */
  setServices(services: readonly string[]): void {
    this.#services = new Set(services);
    this.#review();
  }

  /** Requests the certificates that the network issues anew, such as for another domain. */
  renew(): void {
    for (const [name, { option }] of this.#served) if (option.source.kind === "network") this.#remove(name);
    this.#review();
  }

  /** Why the listeners of a service have no certificate; null when they have one, or need none. */
  troubleOf(service: string): FairleadError | null {
    const source = this.#served.get(service)?.source;
    return source === undefined || source.context !== null ? null : source.trouble;
  }

  /**
   * Hands a client on: as it is where its service has no TLS, and otherwise once its TLS is established.
   * @param protocols application protocols of the service in order of preference; none for `tcp`
   */
  accept(service: string, client: Socket, protocols: readonly string[], outcome: TlsOutcome): void {
    if (!this.#wanted.has(service)) {
      outcome.onClient(client);
      return;
    }
    const context = this.#served.get(service)?.source.context ?? null;
    if (context !== null) this.#handshake(client, context, protocols, outcome);
    else void this.#wait(service, client, protocols, outcome);
  }

  close(): void {
    this.#isClosed = true;
    for (const name of this.#served.keys()) this.#remove(name);
    this.#waiters.wake();
  }

  async #wait(
    service: string,
    client: Socket,
    protocols: readonly string[],
    outcome: TlsOutcome,
  ): Promise<void> {
    const ignore = () => {};
    client.on("error", ignore);
    const { waitMs = WAIT_MS } = this.#options;
    const until = performance.now() + waitMs;
    for (;;) {
      const context = this.#served.get(service)?.source.context ?? null;
      const left = until - performance.now();
      if (context !== null && !client.destroyed) {
        client.off("error", ignore);
        this.#handshake(client, context, protocols, outcome);
        return;
      }
      if (client.destroyed || left <= 0 || this.#isClosed) {
        const error = this.troubleOf(service) ?? new FairleadError("listener.certificate");
        outcome.onRefused(client, error);
        return;
      }
      await this.#waiters.wait(left);
    }
  }

  #handshake(
    client: Socket,
    context: SecureContext,
    protocols: readonly string[],
    { onClient, onRefused }: TlsOutcome,
  ): void {
    const { handshakeMs } = this.#options;
    acceptTls(client, {
      context,
      protocols,
      onSecure: onClient,
      onFailed: (error) => onRefused(client, error),
      ...(handshakeMs === undefined ? {} : { handshakeMs }),
    });
  }

  #review(): void {
    if (this.#isClosed) return;
    for (const [name, { option }] of this.#served) {
      const wanted = this.#wanted.get(name);
      if (wanted === undefined || !this.#services.has(name) || !sameListenerTls(option, wanted))
        this.#remove(name);
    }
    for (const [name, option] of this.#wanted) {
      if (this.#served.has(name) || !this.#services.has(name)) continue;
      const source = this.#sourceOf(option);
      this.#served.set(name, { option, source });
      source.start();
    }
  }

  #sourceOf({ name: service, source }: ListenerTlsOption): CertificateSource {
    const { issue, log } = this.#options;
    const onChange = () => {
      this.#waiters.wake();
      this.#options.onChange(service);
    };
    if (source.kind === "network") return new NetworkCertificate({ service, issue, onChange, log });
    const { certificate, key } = source;
    return new FileCertificate({ service, certificate, key, onChange, log });
  }

  #remove(name: string): void {
    this.#served.get(name)?.source.close();
    this.#served.delete(name);
    this.#options.onChange(name);
  }
}

/** The last entry of a service counts. */
const byName = (options: readonly ListenerTlsOption[]): ReadonlyMap<string, ListenerTlsOption> =>
  new Map(options.map((option) => [option.name, option]));

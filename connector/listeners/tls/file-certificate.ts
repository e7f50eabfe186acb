/** A certificate and its key in files. They are read again when one of them changes. */
import { readFile } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { asFairleadError, FairleadError } from "../../../protocol/errors.ts";
import { FileWatcher, type FileWatcherOptions } from "../../config/file-watcher.ts";
import type { Log } from "../../log.ts";
import type { CertificateSource, OnCertificate } from "./certificate-source.ts";

export interface FileCertificateOptions {
  readonly service: string;
  /** Paths of PEM files: the certificate with its intermediate CAs, and the key. */
  readonly certificate: string;
  readonly key: string;
  readonly onChange: OnCertificate;
  readonly log: Log;
  readonly watch?: Pick<FileWatcherOptions, "settleMs" | "pollMs">;
}

export class FileCertificate implements CertificateSource {
  readonly #options: FileCertificateOptions;
  readonly #watchers: readonly FileWatcher[];
  #context: SecureContext | null = null;
  #trouble: FairleadError | null = null;
  /** The texts that the context was made from. */
  #texts = "";
  /** The files are read one reading after another. */
  #last: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: FileCertificateOptions) {
    this.#options = options;
    const { certificate, key, watch } = options;
    const onChange = () => this.#load();
    this.#watchers = [certificate, key].map((path) => new FileWatcher({ ...watch, path, onChange }));
  }

  get context(): SecureContext | null {
    return this.#context;
  }

  get trouble(): FairleadError | null {
    return this.#trouble;
  }

  start(): void {
    this.#load();
    for (const watcher of this.#watchers) watcher.start();
  }

  close(): void {
    this.#isClosed = true;
    for (const watcher of this.#watchers) watcher.close();
  }

  #load(): void {
    this.#last = this.#last.then(() => this.#read());
  }

  /** Reads the files. A pair that does not fit, as while both are being replaced, leaves the former in use. */
  async #read(): Promise<void> {
    const { service, certificate, key, onChange, log } = this.#options;
    const before = this.#trouble?.message;
    try {
      // One after the other: if both cannot be read, the trouble always names the certificate, and stays the same.
      const cert = await readPem("The certificate", certificate);
      const secret = await readPem("The key", key);
      const texts = `${cert}\n${secret}`;
      if (this.#isClosed || (texts === this.#texts && this.#trouble === null)) return;
      this.#context = secureContext(cert, secret, { certificate, key });
      this.#texts = texts;
      this.#trouble = null;
      log.info({ service, certificate }, "The listener's certificate was read.");
    } catch (thrown) {
      if (this.#isClosed) return;
      this.#trouble = asFairleadError(thrown, "listener.certificate");
      const { code, action, message } = this.#trouble;
      if (message !== before) log.warn({ service, code, action }, message);
    }
    onChange();
  }
}

async function readPem(what: string, path: string): Promise<string> {
  return await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    const why = `${what} ${path} of a listener cannot be read: ${cause.code ?? cause.message}.`;
    throw new FairleadError("listener.certificate", why, { cause });
  });
}

function secureContext(
  cert: string,
  key: string,
  paths: { readonly certificate: string; readonly key: string },
): SecureContext {
  try {
    return createSecureContext({ cert, key });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const text = `The certificate ${paths.certificate} and the key ${paths.key} of a listener cannot be used: ${why}.`;
    throw new FairleadError("listener.certificate", text, { cause });
  }
}

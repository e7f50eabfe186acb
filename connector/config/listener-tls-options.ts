/**
 * The TLS that listeners offer to clients, as `--listen-tls` gives it:
 *
 *     --listen-tls api=network    --listen-tls api=/etc/tls/api.pem,/etc/tls/api-key.pem
 */
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";

/** Where the certificate of a service's listeners comes from: files of this machine, or the network's CA. */
export type ListenerTlsSource =
  | { readonly kind: "files"; readonly certificate: string; readonly key: string }
  | { readonly kind: "network" };

export interface ListenerTlsOption {
  /** Name of the service. */
  readonly name: string;
  readonly source: ListenerTlsSource;
}

const NETWORK = "network";

/** Parses a value of `--listen-tls`. @throws FairleadError `request.invalid`. */
export function parseListenTls(text: string): ListenerTlsOption {
  const equals = text.indexOf("=");
  const [certificate = "", key = "", ...more] = text.slice(equals + 1).split(",");
  const isNetwork = certificate === NETWORK && !text.includes(",");
  if (equals < 0 || more.length > 0 || (!isNetwork && (certificate === "" || key === ""))) {
    throw invalid(text, "the form is NAME=network or NAME=CERT.pem,KEY.pem");
  }
  const name = parseWith(ServiceName, text.slice(0, equals), (why) => invalid(text, why));
  return { name, source: isNetwork ? { kind: "network" } : { kind: "files", certificate, key } };
}

/** Whether two listeners get their certificate from the same place. */
export function sameListenerTls(
  { source: left }: ListenerTlsOption,
  { source: right }: ListenerTlsOption,
): boolean {
  if (left.kind === "network" || right.kind === "network") return left.kind === right.kind;
  return left.certificate === right.certificate && left.key === right.key;
}

function invalid(text: string, why: string): FairleadError {
  return new FairleadError("request.invalid", `"${text}": ${why}.`);
}

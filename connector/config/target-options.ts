/**
 * Options about the connections to targets, and their forms:
 *
 *     --target-tls api=on                 --target-tls api=ca=/etc/ca.pem,name=api.internal
 *     --target-tls shop:8443=cert=/etc/west.pem,key=/etc/west.key
 *     --target-tls old=insecure
 *     --proxy-protocol api=v2             --proxy-protocol shop:8080=v1
 */
import { FairleadError } from "../../protocol/errors.ts";
import { Port, ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";

/** A service, or one of its ports. */
interface ServicePlace {
  /** The service. */
  readonly name: string;
  /** The only port of the service that the option is for. Undefined: every port without an entry of its own. */
  readonly port?: number | undefined;
}

/** TLS to the targets of one service, as `--target-tls` gives it. */
export interface TargetTls extends ServicePlace {
  /** File with the certificates that the target's may chain to, PEM. Undefined: those of the system. */
  readonly ca?: string | undefined;
  /** The name in the target's certificate, and in SNI. Undefined: the host of the target. */
  readonly serverName?: string | undefined;
  /** Files with this side's certificate and key, PEM. */
  readonly certificate?: { readonly cert: string; readonly key: string } | undefined;
  /** Whether any certificate is taken. */
  readonly isInsecure: boolean;
}

/** The PROXY header before the bytes for the targets of one service, as `--proxy-protocol` gives it. */
export interface ProxyProtocol extends ServicePlace {
  readonly version: "v1" | "v2";
}

export const TARGET_TLS_FORM = "NAME[:PORT]=on|insecure|[ca=FILE][,name=HOST][,cert=FILE,key=FILE]";
export const PROXY_PROTOCOL_FORM = "NAME[:PORT]=v1|v2";

/** Parses a value of `--target-tls`. @throws FairleadError `request.invalid`. */
export function parseTargetTls(text: string): TargetTls {
  const { place, rest, invalid } = split(text, TARGET_TLS_FORM);
  if (rest === "on") return { ...place, isInsecure: false };
  const given = new Map<string, string>();
  let isInsecure = false;
  for (const setting of rest.split(",")) {
    if (setting === "insecure") {
      isInsecure = true;
      continue;
    }
    const at = setting.indexOf("=");
    const key = setting.slice(0, Math.max(0, at));
    const value = setting.slice(at + 1);
    if (!["ca", "name", "cert", "key"].includes(key) || value === "") {
      throw invalid(`the form is ${TARGET_TLS_FORM}`);
    }
    if (given.has(key)) throw invalid(`${key} is given twice`);
    given.set(key, value);
  }
  const [cert, key] = [given.get("cert"), given.get("key")];
  if ((cert === undefined) !== (key === undefined)) throw invalid("cert and key are given together");
  if (isInsecure && given.has("ca")) throw invalid("a CA is not used with insecure");
  return {
    ...place,
    ca: given.get("ca"),
    serverName: given.get("name"),
    certificate: cert === undefined || key === undefined ? undefined : { cert, key },
    isInsecure,
  };
}

/** Parses a value of `--proxy-protocol`. @throws FairleadError `request.invalid`. */
export function parseProxyProtocol(text: string): ProxyProtocol {
  const { place, rest, invalid } = split(text, PROXY_PROTOCOL_FORM);
  if (rest !== "v1" && rest !== "v2") throw invalid(`the form is ${PROXY_PROTOCOL_FORM}`);
  return { ...place, version: rest };
}

/** The entry for a port of a service: its own, else that of the service. */
export function entryFor<T extends ServicePlace>(
  entries: readonly T[],
  service: string,
  port: number | null,
): T | null {
  let found: T | null = null;
  for (const entry of entries) {
    if (entry.name !== service) continue;
    if (entry.port === undefined) found ??= entry;
    else if (entry.port === port) return entry;
  }
  return found;
}

function split(text: string, form: string) {
  const invalid = (why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(`the form is ${form}`);
  const [named = "", digits, ...others] = text.slice(0, equals).split(":");
  if (others.length > 0) throw invalid(`the form is ${form}`);
  const name = parseWith(ServiceName, named, invalid);
  const rest = text.slice(equals + 1);
  if (digits === undefined) return { place: { name }, rest, invalid };
  const port = Port.safeParse(/^\d{1,5}$/.test(digits) ? Number(digits) : 0);
  if (!port.success) throw invalid("a port is a number from 1 to 65535");
  return { place: { name, port: port.data }, rest, invalid };
}

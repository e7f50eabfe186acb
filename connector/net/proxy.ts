/**
 * The proxy that the environment names for the edge: HTTPS_PROXY, else ALL_PROXY, unless NO_PROXY excludes
 * the host. Each variable has a lower-case form, which comes first. API, uplink and lanes all ask here.
 */
import { FairleadError } from "../../protocol/errors.ts";
import { destinationOf, withoutBrackets } from "./destination.ts";
import { isExcepted } from "./proxy-exceptions.ts";

/** How the proxy is reached and asked. `socks5` resolves the edge's name here, `socks5h` at the proxy. */
export type ProxyScheme = "http" | "https" | "socks5" | "socks5h";

export interface ProxyCredentials {
  readonly user: string;
  readonly password: string;
}

export interface ProxyAddress {
  readonly scheme: ProxyScheme;
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly credentials: ProxyCredentials | null;
  /** `SCHEME://HOST:PORT`, for messages: it has no credentials. */
  readonly origin: string;
  /** The variable that names the proxy. */
  readonly variable: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_PORTS: Readonly<Record<ProxyScheme, number>> = {
  http: 80,
  https: 443,
  socks5: 1080,
  socks5h: 1080,
};

/** In order of preference. */
const VARIABLES = ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] as const;

/** Longest user or password of SOCKS5, bytes (RFC 1929 §2). */
const MAX_SOCKS_FIELD = 255;

/**
 * The proxy for a `wss:` or `https:` URL; null for a direct connection.
 * @throws FairleadError `proxy.failed` when the variable has no usable value. Its text never has the value.
 */
export function proxyFor(url: string, environment: Environment = process.env): ProxyAddress | null {
  const target = new URL(url);
  if (target.protocol !== "https:" && target.protocol !== "wss:") return null;
  const variable = VARIABLES.find((name) => (environment[name] ?? "").trim() !== "");
  if (variable === undefined) return null;
  const exceptions = environment.no_proxy || environment.NO_PROXY || "";
  if (isExcepted(destinationOf(target), exceptions)) return null;
  return parseProxy((environment[variable] ?? "").trim(), variable);
}

/**
 * Parses `[SCHEME://][USER[:PASSWORD]@]HOST[:PORT]`; without a scheme it is an HTTP proxy.
 * @throws FairleadError `proxy.failed`
 */
export function parseProxy(value: string, variable: string): ProxyAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(value)?.[1]?.toLowerCase() ?? "http";
  if (!isProxyScheme(scheme)) {
    throw new FairleadError("proxy.failed", `${variable} names a proxy of the unknown kind ${scheme}.`, {
      action: `Give ${variable} a proxy that starts with http://, https://, socks5:// or socks5h://.`,
    });
  }
  const url = URL.parse(value.includes("://") ? value : `http://${value}`);
  // A character such as # or / in a password ends the part of the URL that has the credentials.
  if (url === null || url.hostname === "" || `${url.pathname}${url.search}${url.hash}`.includes("@")) {
    throw new FairleadError("proxy.failed", `The value of ${variable} is not the URL of a proxy.`, {
      action: `Write ${variable} as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with every special character of user and password percent-encoded, such as %23 for # and %2F for /.`,
    });
  }
  const port = url.port === "" ? DEFAULT_PORTS[scheme] : Number(url.port);
  return {
    scheme,
    host: withoutBrackets(url.hostname),
    port,
    credentials: credentialsOf(url, scheme, variable),
    origin: `${scheme}://${url.hostname}:${port}`,
    variable,
  };
}

function isProxyScheme(text: string): text is ProxyScheme {
  return Object.hasOwn(DEFAULT_PORTS, text);
}

function credentialsOf(
  { username, password }: URL,
  scheme: ProxyScheme,
  variable: string,
): ProxyCredentials | null {
  if (username === "" && password === "") return null;
  let credentials: ProxyCredentials;
  try {
    credentials = { user: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    throw new FairleadError(
      "proxy.failed",
      `The user or the password in ${variable} has a % that does not begin an escape.`,
      {
        action: `Write each % of the user and the password in ${variable} as %25.`,
      },
    );
  }
  const longest = Math.max(Buffer.byteLength(credentials.user), Buffer.byteLength(credentials.password));
  if (scheme.startsWith("socks") && longest > MAX_SOCKS_FIELD) {
    throw new FairleadError(
      "proxy.failed",
      `The user or the password in ${variable} is longer than SOCKS5 allows.`,
      { action: `Use a user and a password of at most ${MAX_SOCKS_FIELD} bytes each in ${variable}.` },
    );
  }
  return credentials;
}

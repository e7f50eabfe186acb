/** The error for each way in which a proxy fails. Texts of a proxy are cut and escaped before they are shown. */
import { FairleadError } from "../../protocol/errors.ts";
import { visible } from "../../protocol/text.ts";
import type { Destination } from "./destination.ts";
import { codesOf, isUntrusted } from "./failures.ts";
import type { ProxyAddress } from "./proxy.ts";
import type { SocksFailure } from "./socks.ts";

/** An HTTP proxy's answer to CONNECT. */
export interface ProxyAnswer {
  readonly status: number;
  /** The text after the status. */
  readonly reason: string;
  /** The values of Proxy-Authenticate. */
  readonly challenges: readonly string[];
  /** What the proxy says of the cause in a further header. */
  readonly detail?: string | undefined;
}

/** Longest text of a proxy that is shown, characters. */
const LONGEST = 120;

/** Replies of SOCKS5 (RFC 1928 §6). */
const REPLIES: Readonly<Record<number, string>> = {
  1: "general failure",
  2: "not allowed by its rules",
  3: "network unreachable",
  4: "host unreachable",
  5: "connection refused",
  6: "time to live expired",
  7: "command not supported",
  8: "address type not supported",
};

/** The proxy cannot be connected to. */
export function unreachable(proxy: ProxyAddress, thrown: unknown): FairleadError {
  const codes = codesOf(thrown);
  const { origin, variable } = proxy;
  const untrusted = codes.find(isUntrusted);
  if (untrusted !== undefined) {
    return failure(`The certificate of the proxy ${origin} is not trusted (${untrusted}).`, thrown, {
      action:
        untrusted === "CERT_HAS_EXPIRED" || untrusted === "CERT_NOT_YET_VALID"
          ? "Compare the clocks of this machine and of the proxy; if both are right, have the proxy's operator renew its certificate."
          : untrusted === "ERR_TLS_CERT_ALTNAME_INVALID"
            ? `Write the proxy's name in ${variable} as its certificate has it.`
            : "Add the CA of the proxy to this machine's trusted CAs, or name its PEM file in NODE_EXTRA_CA_CERTS.",
    });
  }
  if (codes.some((code) => code.startsWith("ERR_SSL_"))) {
    return failure(`The proxy ${origin} does not speak TLS (${codes[0]}).`, thrown, {
      action: `Write ${variable} with http:// instead of https:// if the proxy is a plain HTTP proxy.`,
    });
  }
  const [code] = codes;
  const action =
    code === "ENOTFOUND" || code === "EAI_AGAIN" || code === "ETIMEOUT"
      ? `Check the proxy's name in ${variable}, and the DNS of this machine.`
      : `Check the proxy's address in ${variable}, and that the proxy runs.`;
  return failure(`The proxy ${origin} cannot be reached${because(code)}.`, thrown, { action });
}

/** The proxy accepted the connection and then broke it, or answered what is no answer of such a proxy. */
export function closedEarly(proxy: ProxyAddress, thrown: unknown): FairleadError {
  const [code] = codesOf(thrown);
  const { origin, variable } = proxy;
  if (code?.startsWith("HPE_")) {
    return failure(`The server at ${origin} does not answer as an HTTP proxy does (${code}).`, thrown, {
      action: `Check the address and the scheme in ${variable}: a SOCKS proxy needs socks5://, a proxy with TLS https://.`,
    });
  }
  return failure(`The proxy ${origin} closed the connection without an answer${because(code)}.`, thrown, {
    action: `Check the address and the scheme in ${variable} (http://, https:// or socks5://), and the proxy's log.`,
  });
}

/** An HTTP proxy refused the tunnel. */
export function refusedTunnel(
  proxy: ProxyAddress,
  destination: Destination,
  answer: ProxyAnswer,
): FairleadError {
  const { origin, variable } = proxy;
  const said = [`${answer.status} ${answer.reason}`.trim(), answer.detail]
    .filter((text) => text !== undefined)
    .map(shorten)
    .join(", ");
  if (answer.status === 407) return loginNeeded(proxy, said, answer.challenges);
  const { host, port } = destination;
  const text = `The proxy ${origin} refused the connection to ${host}:${port} (${said}).`;
  switch (answer.status) {
    case 401:
    case 403:
    case 451:
      return failure(text, undefined, {
        action: `Have the proxy's operator allow CONNECT to ${host}:${port}, or add ${host} to NO_PROXY if this machine reaches it directly.`,
      });
    case 404:
    case 405:
    case 501:
      return failure(text, undefined, {
        action: `The server in ${variable} is no proxy for CONNECT: check its address.`,
      });
    case 429:
      return failure(text, undefined, {
        action: "No action is needed if it recovers; otherwise ask the proxy's operator.",
      });
    default:
      return failure(text, undefined, {
        action:
          answer.status >= 500
            ? `Check that ${host}:${port} is right, and that the proxy's machine can resolve and reach it.`
            : `Check the value of ${variable}, and the proxy's log.`,
      });
  }
}

function loginNeeded(proxy: ProxyAddress, said: string, challenges: readonly string[]): FairleadError {
  const { origin, credentials } = proxy;
  const schemes = challenges.map((challenge) => challenge.trim().split(/\s/)[0] ?? "");
  const known = schemes.length === 0 || schemes.some((scheme) => scheme.toLowerCase() === "basic");
  const asks = challenges.length === 0 ? said : `${said}: ${challenges.map(shorten).join(", ")}`;
  if (!known) {
    return failure(
      `The proxy ${origin} asks for a login that Fairlead does not support (${asks}).`,
      undefined,
      {
        action:
          "Have the proxy accept Basic, or this machine without a login; a proxy on this machine can also log in for it.",
      },
    );
  }
  if (credentials === null) {
    return loginMissing(proxy, ` (${asks})`);
  }
  return loginWrong(proxy, ` (${asks})`);
}

/** @param detail what the proxy says, with a space before it */
function loginMissing({ origin, variable, scheme }: ProxyAddress, detail = ""): FairleadError {
  return failure(`The proxy ${origin} asks for a login${detail}.`, undefined, {
    action: `Put user and password into ${variable}: ${scheme}://USER:PASSWORD@HOST:PORT, with special characters percent-encoded.`,
  });
}

/** @param detail what the proxy says, with a space before it */
function loginWrong({ origin, variable }: ProxyAddress, detail = ""): FairleadError {
  return failure(`The proxy ${origin} refused the user and the password${detail}.`, undefined, {
    action: `Correct user and password in ${variable}; special characters are percent-encoded.`,
  });
}

/** A SOCKS5 proxy opened no tunnel. */
export function socksFailed(proxy: ProxyAddress, destination: Destination, why: SocksFailure): FairleadError {
  const { origin, variable } = proxy;
  const { host, port } = destination;
  switch (why.kind) {
    case "no-socks":
      return failure(`The server at ${origin} does not answer as a SOCKS5 proxy does.`, undefined, {
        action: `Check the address and the scheme in ${variable}: an HTTP proxy needs http://.`,
      });
    case "closed":
      return closedEarly(proxy, undefined);
    case "login-needed":
      return loginMissing(proxy);
    case "login-refused":
      return loginWrong(proxy);
    case "refused": {
      const reply = REPLIES[why.reply] ?? `reply ${why.reply}`;
      return failure(`The proxy ${origin} refused the connection to ${host}:${port} (${reply}).`, undefined, {
        action:
          why.reply === 2
            ? `Have the proxy's operator allow ${host}:${port}, or add ${host} to NO_PROXY if this machine reaches it directly.`
            : `Check that ${host}:${port} is right, and that the proxy's machine can resolve and reach it.`,
      });
    }
  }
}

function failure(message: string, thrown: unknown, { action }: { action: string }): FairleadError {
  return new FairleadError("proxy.failed", message, { cause: thrown, action });
}

const because = (code: string | undefined): string => (code === undefined ? "" : ` (${code})`);

function shorten(text: string): string {
  return visible(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}

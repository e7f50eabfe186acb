/** Judges the path to one address of the edge: its name, the connection, and TLS. */
import { isIP } from "node:net";
import { FairleadError } from "../../protocol/errors.ts";
import { formatAddress } from "../net/local-socket.ts";
import { isSkewed } from "../uplink/clock-skew.ts";
import { type Finding, fail, failWith, type Layer, type Place, pass, skip, warn } from "./finding.ts";
import { formatSpan, formatTime } from "./span.ts";

/** The name of the CA that each edge on a machine of its own makes. */
const DEPLOYMENT_CA = "Fairlead deployment CA";

/** Edges renew at two thirds of a certificate's life: in the last part of it, the renewal failed. */
const LATE_PART = 1 / 6;

/** What proves the edge's certificate. */
export interface PathTrust {
  /** The only CAs to trust, PEM; null for those of this machine. */
  readonly ca: readonly string[] | null;
  /** Where they come from, for people. */
  readonly source: string;
  /** Whether the CAs of this machine are trusted, alone or among others. */
  readonly isPublic: boolean;
}

export interface TlsObservation {
  readonly protocol: string;
  /** Node's code; null when the certificate is trusted. */
  readonly error: string | null;
  /** Common name, or whole subject, of the certificate's issuer. */
  readonly issuer: string;
  /** Whether the CA is one of those that Node comes with. */
  readonly isKnownCa: boolean;
  /** SHA-256 of the topmost certificate that the server sent. */
  readonly fingerprint: string;
  /** Names in the certificate. */
  readonly names: string;
  /** ms since 1970 */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface PathObservation {
  readonly place: Place;
  readonly host: string;
  readonly port: number;
  readonly trust: PathTrust;
  /** Origin of the proxy; null for a direct connection. */
  readonly proxy: string | null;
  /** Null where this machine resolves nothing: an address, or a proxy that resolves the name. */
  readonly addresses: readonly string[] | FairleadError | null;
  /** Time to connect, ms; null when it was not tried. */
  readonly connectedMs: number | FairleadError | null;
  readonly tls: TlsObservation | FairleadError | null;
}

/** @param skewMs how far the edge's clock is ahead, ms; null when it is not known */
export function judgePath(path: PathObservation, now: number, skewMs: number | null): Finding[] {
  return [judgeDns(path), judgeTcp(path), judgeTls(path, now, skewMs)];
}

/** The findings of an address that is not known. */
export function unknownPath(place: Place, why: string): Finding[] {
  return (["dns", "tcp", "tls"] as const).map((layer: Layer) => skip(`${place}.${layer}`, why));
}

function judgeDns({ place, host, addresses }: PathObservation): Finding {
  if (addresses instanceof FairleadError) return failWith(`${place}.dns`, addresses);
  if (addresses !== null) return pass(`${place}.dns`, `${host} is ${addresses.join(", ")}.`);
  return isIP(host) !== 0
    ? pass(`${place}.dns`, `${host} is an address.`)
    : skip(`${place}.dns`, `The proxy resolves ${host}.`);
}

function judgeTcp({ place, host, port, proxy, connectedMs }: PathObservation): Finding {
  if (connectedMs === null) return skip(`${place}.tcp`, "The name does not resolve.");
  const where = formatAddress(host, port);
  if (!(connectedMs instanceof FairleadError)) {
    const by = proxy === null ? "" : ` through ${proxy}`;
    return pass(`${place}.tcp`, `${where} accepts connections${by} (${Math.round(connectedMs)} ms).`);
  }
  // The connector uses the gateway's port where that of lanes is closed.
  if (place === "lanes") {
    return warn(
      `${place}.tcp`,
      connectedMs.message,
      "Open the port in firewalls on the path. Until then lanes use the gateway's port, which costs the edge more CPU time.",
    );
  }
  return failWith(`${place}.tcp`, connectedMs);
}

function judgeTls(path: PathObservation, now: number, skewMs: number | null): Finding {
  const { place, host, port, tls, trust } = path;
  const check = `${place}.tls` as const;
  if (tls === null) return skip(check, "There is no connection.");
  if (tls instanceof FairleadError) return failWith(check, tls);
  const { error, issuer, protocol, notBefore, notAfter } = tls;
  const resigned = `Have the device or the proxy on the path that inspects TLS leave ${host}:${port} alone: it has the CA ${issuer}, and client certificates do not pass it.`;
  if (error === null) {
    if (trust.isPublic && !tls.isKnownCa && issuer !== DEPLOYMENT_CA) {
      const detail = `The certificate is issued by ${issuer}, a CA that only this machine trusts: a device on the path re-signs TLS.`;
      return warn(check, detail, resigned);
    }
    const detail = `${protocol}, with a certificate by ${issuer} that ${trust.source} proves until ${formatTime(notAfter)}.`;
    if (notAfter - now > (notAfter - notBefore) * LATE_PART) return pass(check, detail);
    return warn(
      check,
      `${detail} The edge should have renewed it.`,
      "Check the log of the edge for the error of the renewal, and restart the edge.",
    );
  }
  if (error === "CERT_NOT_YET_VALID" || error === "CERT_HAS_EXPIRED") {
    const detail =
      error === "CERT_HAS_EXPIRED"
        ? `By this machine's clock, the certificate expired ${formatSpan(now - notAfter)} ago.`
        : `By this machine's clock, the certificate is valid in ${formatSpan(notBefore - now)} only.`;
    return fail(
      check,
      detail,
      isSkewed(skewMs)
        ? "Correct the clock of this machine, which differs from the edge's."
        : "Compare the clocks of this machine and of the edge. If both are right, restart the edge, which renews its certificate.",
    );
  }
  if (error === "ERR_TLS_CERT_ALTNAME_INVALID") {
    return fail(
      check,
      `The certificate is not for ${host}; its names are ${tls.names}.`,
      "Use a name that the certificate has; `fairlead edge start --hostname NAME` makes one for NAME.",
    );
  }
  if (issuer !== DEPLOYMENT_CA) {
    return fail(
      check,
      `The certificate is issued by ${issuer}, not by the CA of the edge (${error}): another server, or a device on the path that re-signs TLS.`,
      resigned,
    );
  }
  if (trust.ca === null) {
    return warn(
      check,
      `The edge has a CA of its own, with the fingerprint ${tls.fingerprint}.`,
      "A token brings this CA; for commands, give ca.pem of the edge's state directory with --ca.",
    );
  }
  return fail(
    check,
    `The certificate is by the CA of another edge, not by ${trust.source} (${error}).`,
    "Check that the address belongs to the right edge. If the edge was made anew, log in with its new ca.pem, and let sites join with new tokens and empty state directories.",
  );
}

/** Judges a state directory: that of a site's connector or of an edge. */
import { ERRORS, FairleadError, isErrorCode } from "../../protocol/errors.ts";
import type { Status } from "../control/schema.ts";
import { type Finding, fail, failWith, pass, skip, warn } from "./finding.ts";
import { formatSpan, formatTime } from "./span.ts";

export type StateKind = "site" | "edge";

export interface DirectoryObservation {
  readonly path: string;
  readonly owner: number;
  /** The user of this process; null where the system has no users. */
  readonly user: number | null;
  /** Permission bits. */
  readonly mode: number;
  /** Why a file cannot be written, as the system's code; null when it can. */
  readonly refusal: string | null;
  /** Free space, bytes. */
  readonly free: number;
  /** Names of files with secrets that other users can read. */
  readonly open: readonly string[];
}

/** Below these, the disk is full, or soon is, bytes. */
const LEAST_FREE = 1024 * 1024;
const LITTLE_FREE = 100 * 1024 * 1024;

const UNWRITABLE_ACTIONS: Readonly<Record<string, string>> = {
  EROFS: "Mount the file system of the state directory writable, or choose another --state directory.",
  ENOSPC: "Free space on the disk of the state directory.",
  EDQUOT: "Free space, or raise the quota of the user.",
};

export function judgeDirectory(seen: DirectoryObservation): Finding {
  const { path, owner, user, mode, refusal, free, open } = seen;
  if (refusal !== null) {
    const action =
      UNWRITABLE_ACTIONS[refusal] ??
      `Give the user ${user ?? "of this process"} write access to ${path}, which belongs to the user ${owner}, or run as that user.`;
    return fail("state", `${path} cannot be written (${refusal}).`, action);
  }
  if (free < LEAST_FREE) {
    return fail("state", `The disk of ${path} is full.`, "Free space on the disk of the state directory.");
  }
  if (open.length > 0) {
    return fail(
      "state",
      `Other users can read ${open.join(" and ")} in ${path}.`,
      `Make them private: \`chmod 600 ${open.map((name) => `${path}/${name}`).join(" ")}\`. If others may have read a key, replace it.`,
    );
  }
  if (free < LITTLE_FREE) {
    const detail = `The disk of ${path} has ${Math.floor(free / 1024 / 1024)} MiB free.`;
    return warn("state", detail, "Free space before the disk is full.");
  }
  if ((mode & 0o077) !== 0) {
    return warn("state", `Other users can enter ${path}.`, `Make it private: \`chmod 700 ${path}\`.`);
  }
  if (user !== null && user !== 0 && owner !== user) {
    return warn(
      "state",
      `${path} belongs to the user ${owner}, not to ${user}.`,
      `Run the command as the user ${owner}, so that files keep one owner.`,
    );
  }
  return pass("state", `${path} is private and writable.`);
}

export interface LockObservation {
  readonly kind: StateKind;
  /** The process that holds the lock; null for none, undefined when the system does not tell. */
  readonly holder: number | null | undefined;
  /** Whether the connector answers on its control socket. */
  readonly answers: boolean;
}

export function judgeLock({ kind, holder, answers }: LockObservation): Finding {
  if (answers) return pass("lock", "The running connector holds it.");
  if (holder === undefined) return skip("lock", "The system does not tell who holds it.");
  if (holder === null) return pass("lock", "No process holds it.");
  if (kind === "edge") return pass("lock", `The running edge holds it (process ${holder}).`);
  return fail(
    "lock",
    `Process ${holder} holds it, and answers no command.`,
    `Look at the log of process ${holder}. If it is not a connector that is starting or stopping, end it: \`kill ${holder}\`.`,
  );
}

export interface CertificateObservation {
  readonly kind: StateKind;
  readonly matchesKey: boolean;
  /** Whether the CA that the certificate needs is beside it and has signed it. */
  readonly isSigned: boolean;
  /** ms since 1970 */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Why the running connector could not renew it. */
  readonly renewal: { readonly message: string; readonly action: string } | null;
}

/** How long after its end a site certificate can be renewed, ms. */
const RENEWABLE_MS = 30 * 24 * 60 * 60_000;

export function judgeCertificate(seen: CertificateObservation | FairleadError, now: number): Finding {
  const check = "certificate";
  if (seen instanceof FairleadError) return failWith(check, seen);
  const { kind, notBefore, notAfter, renewal } = seen;
  if (!seen.matchesKey) {
    return fail(
      check,
      kind === "site"
        ? "key.pem is not the key of certificate.pem."
        : "A private key does not belong to its certificate.",
      kind === "site"
        ? "Restore both files from the same backup, or join again with a new token and an empty state directory."
        : "Restore the state directory of the edge from a backup: `fairlead edge restore`.",
    );
  }
  if (!seen.isSigned) {
    return fail(
      check,
      "The CA in the state directory did not sign the certificate.",
      kind === "site"
        ? "Restore ca.pem and certificate.pem from the same backup, or join again with a new token and an empty state directory."
        : "Restart the edge, which makes a new server certificate.",
    );
  }
  if (now < notBefore) {
    return fail(
      check,
      `By this machine's clock, the certificate is valid in ${formatSpan(notBefore - now)} only.`,
      "Correct the clock of this machine.",
    );
  }
  const ended = `The certificate expired ${formatSpan(now - notAfter)} ago.`;
  if (kind === "edge") {
    return now > notAfter
      ? fail(check, ended, "Restart the edge, which renews it.")
      : pass(check, `The server certificate is valid until ${formatTime(notAfter)}.`);
  }
  if (now > notAfter + RENEWABLE_MS) return fail(check, ended, ERRORS["certificate.too_old"].action);
  if (now > notAfter) {
    return fail(
      check,
      ended,
      renewal?.action ??
        `Start the connector, which renews it until ${formatTime(notAfter + RENEWABLE_MS)}. If it runs, its log has the error of the renewal.`,
    );
  }
  const left = `The certificate is valid until ${formatTime(notAfter)}`;
  if (renewal !== null) {
    return warn(check, `${left}, and could not be renewed: ${renewal.message}`, renewal.action);
  }
  // Renewed at half of its life.
  if (notAfter - now < (notAfter - notBefore) / 4) {
    return warn(
      check,
      `${left}, and was not renewed at half of its life.`,
      "Start the connector, which renews it. If it runs, check that it can reach the edge.",
    );
  }
  return pass(check, `${left}; it belongs to the key.`);
}

/** @param status of the running connector; null when none answers */
export function judgeConnector(status: Status | null, state: string): Finding {
  if (status === null) {
    return warn(
      "connector",
      "No connector runs with this state directory.",
      `Start it: \`fairlead connector run --state ${state}\`.`,
    );
  }
  const { uplink, otherSites, site } = status;
  if (uplink.state !== "up") {
    const why = uplink.message === undefined ? "" : ` ${uplink.message}`;
    return fail(
      "connector",
      `The uplink of ${site.name} is ${uplink.state}.${why}`,
      uplink.action ?? ERRORS["uplink.lost"].action,
    );
  }
  const reached = otherSites === 1 ? "1 other site is" : `${otherSites ?? 0} other sites are`;
  return pass("connector", `The uplink of ${site.name} is up; ${reached} connected.`);
}

export interface PortObservation {
  /** `HOST:PORT`. */
  readonly address: string;
  /** What listens or wants to listen there. */
  readonly user: string;
  /** Why it cannot; null when it can. */
  readonly code: string | null;
}

/** @param wanted null when nothing is known of it */
export function judgePorts(check: "listeners" | "ports", wanted: readonly PortObservation[] | null): Finding {
  if (wanted === null) {
    return skip(check, "Only a running connector, or --config, names them.");
  }
  const failed = wanted.filter(({ code }) => code !== null);
  const [first] = failed;
  if (first === undefined) {
    const count = wanted.length === 1 ? "1 address" : `${wanted.length} addresses`;
    return pass(check, wanted.length === 0 ? "None is wanted." : `${count} can be listened on.`);
  }
  const detail = failed.map(({ user, address, code }) => `${user} at ${address} (${code})`).join(", ");
  const action =
    first.code !== null && isErrorCode(first.code)
      ? ERRORS[first.code].action
      : "Free the port, or choose another address.";
  return fail(check, `Not to be listened on: ${detail}.`, action);
}

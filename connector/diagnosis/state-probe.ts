/** Looks at a state directory without locking it or changing a file of its own. */
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { constants } from "node:fs";
import { access, open, readFile, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { FairleadError } from "../../protocol/errors.ts";
import { belongTogether, isSignedBy, readValidity } from "../edge/credentials/certificates.ts";
import { EdgeRecord, FILES, NEWEST_RECORD } from "../edge/credentials/credentials.ts";
import { loadMembership, type Membership } from "../site/membership.ts";
import { StateDirectory } from "../state/directory.ts";
import { corruptState, errnoOf, type Role, stateError } from "../state/errors.ts";
import { LOCK_FILE } from "../state/lock.ts";
import type { CertificateObservation, DirectoryObservation, StateKind } from "./state-judgement.ts";

/** Files with secrets, by the kind of directory. */
const SECRETS: Readonly<Record<StateKind, readonly string[]>> = {
  site: ["key.pem"],
  edge: [FILES.caKey, FILES.serverKey, FILES.adminKey],
};

/** The directory for reading: no lock is taken, so nothing may be written through it. */
const readerOf = (path: string, role: Role): StateDirectory =>
  new StateDirectory(path, { release() {} }, role);

/** What a directory is the state of; null when it does not exist or is empty. A private one counts as a site's. */
export async function kindOf(path: string): Promise<StateKind | null> {
  for (const [kind, names] of [
    ["site", ["site.json", "key.pem"]],
    ["edge", [FILES.edge, FILES.caKey]],
  ] as const) {
    for (const name of names) if (await exists(join(path, name))) return kind;
  }
  return null;
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (thrown) {
    return !["ENOENT", "ENOTDIR"].includes(errnoOf(thrown) ?? "");
  }
}

/** @throws FairleadError `state.unwritable` when the directory cannot be looked at */
export async function observeDirectory(path: string, kind: StateKind): Promise<DirectoryObservation> {
  try {
    const { uid: owner, mode } = await stat(path);
    const { bavail, bsize } = await statfs(path);
    const open: string[] = [];
    for (const name of SECRETS[kind]) {
      const file = await stat(join(path, name)).catch(() => null);
      if (file !== null && (file.mode & 0o077) !== 0) open.push(name);
    }
    return {
      ...{ path, owner, open, mode: mode & 0o777 },
      user: process.geteuid?.() ?? null,
      refusal: await writeRefusal(path),
      free: bavail * bsize,
    };
  } catch (thrown) {
    throw stateError(thrown, path);
  }
}

/** The code with which the system refuses a new file; null when it does not. */
async function writeRefusal(path: string): Promise<string | null> {
  const file = join(path, `doctor-${randomBytes(6).toString("hex")}.tmp`);
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    const draft = await open(file, "wx", 0o600);
    try {
      await draft.writeFile("fairlead doctor");
    } finally {
      await draft.close();
      await rm(file, { force: true });
    }
    return null;
  } catch (thrown) {
    return errnoOf(thrown) ?? "unknown";
  }
}

/** The process that holds the lock; null for none, undefined where the system does not tell (not Linux). */
export async function lockHolder(path: string): Promise<number | null | undefined> {
  try {
    const file = await stat(join(path, LOCK_FILE)).catch(() => null);
    if (file === null) return null;
    return parseLocks(await readFile("/proc/locks", "utf8"), file.ino);
  } catch {
    return undefined;
  }
}

/** The process that holds a write lock on an inode, by the text of `/proc/locks`; null for none. */
export function parseLocks(text: string, inode: number): number | null {
  for (const line of text.split("\n")) {
    // `1: POSIX  ADVISORY  WRITE 3192 fe:00:2656562 1073741824 1073742335`; a waiting process has `->`.
    const [, pid, at] = /^\d+: \w+\s+\w+\s+WRITE (-?\d+) \w+:\w+:(\d+) /.exec(line) ?? [];
    if (pid !== undefined && Number(at) === inode) return Number(pid);
  }
  return null;
}

/** @throws FairleadError `state.*` */
export async function readSite(path: string): Promise<{ membership: Membership; key: string } | null> {
  const reader = readerOf(path, "connector");
  const membership = await loadMembership(reader);
  if (membership === null) return null;
  const key = await reader.read("key.pem");
  if (key === null) throw reader.corrupt("key.pem", "is missing");
  return { membership, key: key.toString("utf8") };
}

/** @throws FairleadError `state.corrupt` */
export function observeSiteCertificate({
  membership,
  key,
}: {
  readonly membership: Membership;
  readonly key: string;
}): Omit<CertificateObservation, "renewal"> {
  const { chain, authority, ca, notBefore, notAfter } = membership;
  try {
    const [leaf, issuer, root] = [chain, authority, ca].map((pem) => new X509Certificate(pem));
    return {
      kind: "site",
      matchesKey: leaf?.checkPrivateKey(createPrivateKey(key)) ?? false,
      isSigned:
        leaf !== undefined &&
        issuer !== undefined &&
        root !== undefined &&
        leaf.verify(issuer.publicKey) &&
        issuer.verify(root.publicKey),
      notBefore,
      notAfter,
    };
  } catch (cause) {
    throw new FairleadError("state.corrupt", "A certificate or the key of the site cannot be read.", {
      cause,
    });
  }
}

/** The record and the CA of an edge; null before its first run has ended. @throws FairleadError `state.*` */
export async function readEdge(path: string): Promise<{ record: EdgeRecord; ca: string } | null> {
  const reader = readerOf(path, "edge");
  const record = await reader.readJson(FILES.edge, EdgeRecord, NEWEST_RECORD);
  if (record === null) return null;
  const ca = await reader.read(FILES.ca);
  if (ca === null) throw reader.corrupt(FILES.ca, "is missing");
  return { record, ca: ca.toString("utf8") };
}

/** @throws FairleadError `state.*` */
export async function observeEdgeCertificate(path: string): Promise<Omit<CertificateObservation, "renewal">> {
  const reader = readerOf(path, "edge");
  const text = async (name: string): Promise<string> => {
    const content = await reader.read(name);
    if (content === null) throw reader.corrupt(name, "is missing");
    return content.toString("utf8");
  };
  const ca = { certificate: await text(FILES.ca), privateKey: await text(FILES.caKey) };
  const server = { certificate: await text(FILES.server), privateKey: await text(FILES.serverKey) };
  const validity = readValidity(server.certificate);
  if (validity === null || readValidity(ca.certificate) === null) {
    throw corruptState(`A certificate in ${path} cannot be read.`, "edge");
  }
  return {
    kind: "edge",
    matchesKey: belongTogether(ca) && belongTogether(server),
    isSigned: isSignedBy(server.certificate, ca.certificate),
    notBefore: validity.notBefore,
    notAfter: validity.notAfter,
  };
}

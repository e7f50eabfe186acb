/**
 * A site's membership of a network, stored in its state directory:
 *
 *     key.pem           the site's private key
 *     ca.pem            the deployment CA, the only root that the connector trusts for the edge
 *     certificate.pem   the site certificate, then the network CA that signed it
 *     links.json        link certificates, and the ids of redeemed tokens
 *     site.json         names, ids and addresses; written last, so its presence shows that all is complete
 *
 * No answer changes which CAs the site trusts or which addresses it dials: CAs keep name and key, addresses
 * come from a token file or from `fairlead site move`, and no certificate replaces one that ends later.
 */
import * as z from "zod";
import type { Admission } from "../../protocol/api/admission.ts";
import type { FairleadError } from "../../protocol/errors.ts";
import { EdgeOrigin } from "../../protocol/front/edge-origin.ts";
import { LinkId, NetworkId, SiteId, TokenId } from "../../protocol/ids.ts";
import { IssuerName, LinkName, NetworkName, SiteName } from "../../protocol/names.ts";
import { CertificateText, type LinkReport, type Renewal } from "../../protocol/uplink/messages.ts";
import type { EdgeTrust } from "../net/trust.ts";
import type { Files, StateReader, StateStore } from "../state/store.ts";
import {
  type Bounds,
  type Chain,
  endOf,
  type Holds,
  isAuthority,
  isIntact,
  readChain,
  successorOf,
  verifyChain,
  verifyLink,
  wrongAnswer,
} from "./chain.ts";
import { type EdgeAddress, isBound } from "./edge-address.ts";
import { KEY_FILE } from "./key.ts";
import { toPem } from "./pem.ts";

export const CA_FILE = "ca.pem";
export const CHAIN_FILE = "certificate.pem";
export const LINKS_FILE = "links.json";
export const SITE_FILE = "site.json";
/** In the order of writing. */
export const MEMBERSHIP_FILES = [CA_FILE, CHAIN_FILE, LINKS_FILE, SITE_FILE];

/** The version of `site.json` that this program writes. */
const NEWEST_VERSION = 2;

const SiteFile = z.object({
  /** In version 1, gateway and audience come from an answer; in version 2, a token file confirms them. */
  version: z.literal([1, 2]),
  network: z.object({ id: NetworkId, name: NetworkName }),
  site: z.object({ id: SiteId, name: SiteName }),
  /** Former names of the site, oldest first. */
  formerNames: z.array(SiteName).default([]),
  /**
   * `links` is the gateway, stored under its former name. `tls` is "public" if a platform issues the edge's
   * certificate.
   */
  edge: z
    .object({
      api: EdgeOrigin,
      links: EdgeOrigin,
      audience: EdgeOrigin,
      tls: z.literal("public").optional(),
    })
    .transform(({ links: gateway, ...edge }) => ({ ...edge, gateway })),
});

const StoredLink = z.object({
  id: LinkId,
  name: LinkName,
  issuer: IssuerName,
  certificate: CertificateText,
});
export type StoredLink = z.infer<typeof StoredLink>;
const LinksFile = z.object({ links: z.array(StoredLink), redeemed: z.array(TokenId).default([]) });

/** Most former names that are stored. */
const MAX_FORMER_NAMES = 20;
/** Most ids of redeemed tokens that are stored. */
const MAX_REDEEMED = 1000;

/** A membership. Immutable: each change makes a new value. */
export interface Membership extends Chain {
  readonly network: { readonly id: string; readonly name: string };
  readonly site: { readonly id: string; readonly name: string };
  readonly formerNames: readonly string[];
  readonly edge: z.infer<typeof SiteFile>["edge"];
  /** The deployment CA, PEM. */
  readonly ca: string;
  readonly links: readonly StoredLink[];
  /** Ids of redeemed tokens, oldest first. */
  readonly redeemed: readonly string[];
}

/** The link of an admission in its stored form; null if the token gave none. */
export function linkOf({ link }: Admission): StoredLink | null {
  if (link === null) return null;
  const { id, name, issuer, certificate } = link;
  return { id, name, issuer, certificate };
}

/** The statements of a token file about the network that admits the site. */
export interface TokenTerms extends EdgeTrust {
  readonly address: EdgeAddress;
  /** Id of the network, from the token's claim. */
  readonly network: string;
  /** Id of the token. */
  readonly token: string;
}

/**
 * The membership that an admission grants.
 * @param former the membership of a site that is admitted again, whose network CA stays
 * @throws FairleadError `certificate.untrusted` when it is for another key or network, or under another CA
 */
export function membershipFrom(
  admission: Admission,
  { address, ca, tls, network, token }: TokenTerms,
  holds: Holds,
  former: Membership | null = null,
): Membership {
  const { site } = admission;
  if (admission.network.id !== network) {
    throw wrongAnswer("The edge admitted the site to another network.");
  }
  const { chain, link } = readAdmission(admission, {
    network,
    site: site.id,
    ca,
    authority: former?.authority,
    holds,
  });
  return {
    ...chain,
    network: admission.network,
    site,
    formerNames: [],
    edge: { ...address, tls },
    ca,
    links: link === null ? [] : [link],
    redeemed: [token],
  };
}

/**
 * The membership after a further token was redeemed, with a further link. The site certificate of the answer
 * is taken if it ends later than the current one: a repeated answer may hold an older certificate.
 * @throws FairleadError `certificate.untrusted` when the answer is for another site, key or CA
 */
export function withAdmission(
  membership: Membership,
  admission: Admission,
  { token, holds }: { token: string; holds: Holds },
): Membership {
  if (admission.network.id !== membership.network.id || admission.site.id !== membership.site.id) {
    throw wrongAnswer("The edge admitted another site than this one.");
  }
  const { chain, link } = readAdmission(admission, boundsOf(membership, holds));
  return {
    ...membership,
    ...(chain.notAfter > membership.notAfter ? chain : {}),
    links: link === null ? membership.links : withLink(membership.links, link),
    redeemed: withUsed(membership, token).redeemed,
  };
}

/** The membership with a token among those that are not used again. */
export function withUsed(membership: Membership, token: string): Membership {
  const redeemed = [...membership.redeemed.filter((id) => id !== token), token].slice(-MAX_REDEEMED);
  return { ...membership, redeemed };
}

/** Reads and verifies the certificates of an admission. @throws FairleadError `certificate.untrusted` */
function readAdmission(admission: Admission, bounds: Bounds): { chain: Chain; link: StoredLink | null } {
  const chain = readChain(toPem(admission.certificate) + toPem(admission.authority));
  verifyChain(chain, bounds);
  const link = linkOf(admission);
  if (link !== null) verifyLink(link.id, link.certificate, bounds);
  return { chain, link };
}

/** The expected subject and issuers of a member's certificates. */
function boundsOf({ network, site, ca, authority }: Membership, holds: Holds): Bounds {
  return { network: network.id, site: site.id, ca, authority, holds };
}

/**
 * The membership with renewed certificates. A link that the site did not know takes its names from `reports`.
 * @throws FairleadError `certificate.untrusted` when the certificates are for another site, key or CA, the
 * deployment CA is another one, or the site certificate ends before the current one
 */
export function renewed(
  membership: Membership,
  renewal: Renewal,
  holds: Holds,
  reports: readonly LinkReport[] = [],
): Membership {
  const ca = successorOf(membership.ca, renewal.ca);
  if (ca === null) {
    throw wrongAnswer("The edge answered with another deployment CA.");
  }
  const bounds = { ...boundsOf(membership, holds), ca };
  const chain = readChain(toPem(renewal.certificate) + toPem(renewal.authority));
  verifyChain(chain, bounds);
  // A replayed answer would replace the certificate by an older one.
  if (chain.notAfter < membership.notAfter) {
    throw wrongAnswer("The edge answered with an older certificate.");
  }
  for (const { id, certificate } of renewal.links) verifyLink(id, certificate, bounds);
  const fresh = new Map(renewal.links.map((link) => [link.id, link.certificate]));
  const kept = membership.links.map((link) => {
    return laterOf(link, { ...link, certificate: fresh.get(link.id) ?? link.certificate });
  });
  const found = reports.flatMap(({ id, name, issuer }) => {
    const certificate = fresh.get(id);
    const known = membership.links.some((link) => link.id === id);
    return certificate === undefined || known ? [] : [{ id, name, issuer, certificate }];
  });
  return { ...membership, ...chain, ca, links: [...kept, ...found] };
}

/** The membership under another name of the site. Returns the same value if the name is unchanged. */
export function renamed(membership: Membership, name: string): Membership {
  const { site, formerNames } = membership;
  if (site.name === name) return membership;
  const former = [...formerNames.filter((each) => each !== site.name && each !== name), site.name];
  return { ...membership, site: { ...site, name }, formerNames: former.slice(-MAX_FORMER_NAMES) };
}

/** The membership without some links. Returns the same value if it has none of them. */
export function withoutLinks(membership: Membership, ids: ReadonlySet<string>): Membership {
  const links = membership.links.filter(({ id }) => !ids.has(id));
  return links.length === membership.links.length ? membership : { ...membership, links };
}

/** Adds a link, or updates it: a repeated answer may hold an older certificate than the current one. */
function withLink(links: readonly StoredLink[], link: StoredLink): StoredLink[] {
  const known = links.find(({ id }) => id === link.id);
  return [...links.filter(({ id }) => id !== link.id), known === undefined ? link : laterOf(known, link)];
}

/** `link` with the certificate of the two that ends later. */
function laterOf(known: StoredLink, link: StoredLink): StoredLink {
  const keeps = endOf(known.certificate) > endOf(link.certificate);
  return keeps ? { ...link, certificate: known.certificate } : link;
}

/**
 * Loads the membership; null if the state directory has none. The first join writes `site.json` last, so without it the
 * other files may be those of a join that was interrupted.
 * @throws FairleadError `state.corrupt` when a file is missing or damaged; `state.unwritable`
 */
export async function loadMembership(state: StateReader): Promise<Membership | null> {
  const file = await state.readJson(SITE_FILE, SiteFile, NEWEST_VERSION);
  if (file === null) return null;
  const { version, ...names } = file;
  // Where public CAs prove the edge, an answer of that version may have named an impostor's address.
  if (version === 1 && !(names.edge.audience === names.edge.api && isBound(names.edge, names.edge))) {
    const why = `of version 1 names ${names.edge.gateway} as the gateway, which no token file confirms`;
    throw state.corrupt(SITE_FILE, why, {
      action:
        "Check that this is the gateway of your edge. Then move the state directory away, and join again with a new token under another name, or after `fairlead site delete`.",
    });
  }
  const links = await state.readJson(LINKS_FILE, LinksFile);
  if (links === null) throw missing(state, LINKS_FILE);
  const ca = await readText(state, CA_FILE);
  if (!isAuthority(ca)) throw state.corrupt(CA_FILE, "is not the certificate of a CA");
  const chain = await readText(state, CHAIN_FILE);
  try {
    return { ...names, ...links, ca, ...readChain(chain) };
  } catch (cause) {
    throw state.corrupt(CHAIN_FILE, "does not hold the site certificate and its CA", { cause });
  }
}

/**
 * Checks that a stored membership is of a key.
 * @throws FairleadError `state.corrupt` when a file is another site's, network's or edge's
 */
export function checkMembership(state: StateReader, membership: Membership, holds: Holds): void {
  const { network, site, ca } = membership;
  if (isIntact(membership, { network: network.id, site: site.id, ca, holds })) return;
  throw state.corrupt(CHAIN_FILE, `does not fit ${KEY_FILE}, ${SITE_FILE} and ${CA_FILE} beside it`);
}

/** Whether a state directory has the certificate of a site, with or without the rest. @throws FairleadError `state.*` */
export async function hasCertificate(state: StateReader): Promise<boolean> {
  return (await state.read(CHAIN_FILE)) !== null;
}

async function readText(state: StateReader, name: string): Promise<string> {
  const bytes = await state.read(name);
  if (bytes === null) throw missing(state, name);
  return bytes.toString("utf8");
}

/** The error of a missing file of a site that has joined. */
export function missing(state: StateReader, name: string, action?: string): FairleadError {
  return state.corrupt(name, `is missing, but ${SITE_FILE} shows that the site has joined`, { action });
}

/**
 * Stores the files in which `after` differs from `before`, each atomically, `site.json` last. Returns the membership as
 * it is stored then: another connector of the site may have changed it, too.
 * @throws FairleadError `state.*`
 */
export async function storeMembership(
  state: StateStore,
  after: Membership,
  before: Files,
): Promise<Membership> {
  if (await state.replace(filesOf(after), before)) return after;
  return (await loadMembership(state)) ?? after;
}

/** The files of a membership as they are, whole or not. @throws FairleadError `state.*` */
export async function readFiles(state: StateReader): Promise<Files> {
  const files: Record<string, string> = {};
  for (const name of MEMBERSHIP_FILES) {
    const content = await state.read(name);
    if (content !== null) files[name] = content.toString("utf8");
  }
  return files;
}

/** The files of a membership, `site.json` last. */
export function filesOf(membership: Membership): Files {
  const { ca, chain, links, redeemed, network, site, formerNames } = membership;
  const { gateway, ...edge } = membership.edge;
  return {
    [CA_FILE]: ca,
    [CHAIN_FILE]: chain,
    [LINKS_FILE]: toJson({ links, redeemed }),
    [SITE_FILE]: toJson({
      version: NEWEST_VERSION,
      network,
      site,
      formerNames,
      edge: { ...edge, links: gateway },
    }),
  };
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/**
 * What a site keeps about its membership, in its state directory:
 *
 *     key.pem           the site's private key
 *     ca.pem            the deployment CA: the only root that the connector trusts for the edge
 *     certificate.pem   the site certificate, then the network CA that signed it
 *     links.json        link certificates
 *     site.json         names, ids and addresses; written last, so its presence means that all is there
 */
import { X509Certificate } from "node:crypto";
import { z } from "zod";
import type { Admission } from "../../protocol/api.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { LinkId, NetworkId, SiteId } from "../../protocol/ids.ts";
import type { Renewal } from "../../protocol/messages.ts";
import { LinkName, NetworkName, SiteName } from "../../protocol/names.ts";
import type { StateDirectory } from "../state/directory.ts";
import { fromPem, toPem } from "./pem.ts";

const SiteFile = z.object({
  version: z.literal(1),
  network: z.object({ id: NetworkId, name: NetworkName }),
  site: z.object({ id: SiteId, name: SiteName }),
  edge: z.object({ api: z.url(), links: z.url(), audience: z.string() }),
});

const StoredLink = z.object({ id: LinkId, name: LinkName, issuer: z.string(), certificate: z.string() });
export type StoredLink = z.infer<typeof StoredLink>;
const LinksFile = z.object({ links: z.array(StoredLink) });

/** A site's membership of a network; a new value replaces it when certificates are renewed. */
export interface Membership {
  readonly network: { readonly id: string; readonly name: string };
  readonly site: { readonly id: string; readonly name: string };
  readonly edge: { readonly api: string; readonly links: string; readonly audience: string };
  /** The deployment CA, PEM. */
  readonly ca: string;
  /** Site certificate and network CA, PEM. */
  readonly chain: string;
  /** The network CA alone, PEM. */
  readonly authority: string;
  /** Validity of the site certificate, ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly links: readonly StoredLink[];
}

/** The membership that an admission grants. @throws FairleadError `certificate.untrusted` when it is not for `key` or not under `ca`. */
export function membershipFrom(
  admission: Admission,
  api: string,
  ca: string,
  holds: (certificate: X509Certificate) => boolean,
): Membership {
  const { link, ...admitted } = admission;
  const chain = toPem(admitted.certificate) + toPem(admitted.authority);
  const membership: Membership = {
    network: admitted.network,
    site: admitted.site,
    edge: { api, ...admitted.edge },
    ca,
    ...readChain(chain, "certificate.untrusted"),
    links: [link],
  };
  verifyChain(membership, holds);
  return membership;
}

/** `membership` with renewed certificates. @throws FairleadError as {@link membershipFrom}. */
export function renewed(
  membership: Membership,
  renewal: Renewal,
  holds: (certificate: X509Certificate) => boolean,
): Membership {
  const fresh = new Map(renewal.links.map((link) => [link.id, link.certificate]));
  const next: Membership = {
    ...membership,
    ...readChain(toPem(renewal.certificate) + toPem(renewal.authority), "certificate.untrusted"),
    links: membership.links.map((link) => ({ ...link, certificate: fresh.get(link.id) ?? link.certificate })),
  };
  verifyChain(next, holds);
  return next;
}

/** Reads the membership; null when this state directory has none. @throws FairleadError `state.corrupt`. */
export async function loadMembership(state: StateDirectory): Promise<Membership | null> {
  const file = await state.readJson("site.json", SiteFile);
  if (file === null) return null;
  const { version: _, ...names } = file;
  const links = await state.readJson("links.json", LinksFile);
  const ca = await state.read("ca.pem");
  const chain = await state.read("certificate.pem");
  if (ca === null || chain === null || links === null) {
    throw new FairleadError(
      "state.corrupt",
      "site.json is there, but ca.pem, certificate.pem or links.json is not",
    );
  }
  return {
    ...names,
    ca: ca.toString("utf8"),
    links: links.links,
    ...readChain(chain.toString("utf8"), "state.corrupt"),
  };
}

/** Stores a first membership; `site.json` comes last. @throws FairleadError `state.*`. */
export async function storeMembership(state: StateDirectory, membership: Membership): Promise<void> {
  await state.writeAtomic("ca.pem", membership.ca);
  await storeCertificates(state, membership);
  const { network, site, edge } = membership;
  await state.writeAtomic("site.json", toJson({ version: 1, network, site, edge }));
}

/** Stores what a renewal changed. @throws FairleadError `state.*`. */
export async function storeCertificates(state: StateDirectory, membership: Membership): Promise<void> {
  await state.writeAtomic("certificate.pem", membership.chain);
  await state.writeAtomic("links.json", toJson({ links: membership.links }));
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A chain in PEM, with what is read from it. */
function readChain(chain: string, code: "state.corrupt" | "certificate.untrusted") {
  const [leaf, authority] = fromPem(chain);
  if (leaf === undefined || authority === undefined) {
    throw new FairleadError(code, "certificate.pem does not hold the site certificate and its CA");
  }
  try {
    const certificate = new X509Certificate(leaf);
    return {
      chain,
      authority,
      notBefore: certificate.validFromDate.getTime(),
      notAfter: certificate.validToDate.getTime(),
    };
  } catch (cause) {
    throw new FairleadError(code, "certificate.pem holds no readable certificate", { cause });
  }
}

/** Believes no answer that would not work later: other key, other CA. */
function verifyChain(membership: Membership, holds: (certificate: X509Certificate) => boolean): void {
  const leaf = new X509Certificate(membership.chain);
  const authority = new X509Certificate(membership.authority);
  const root = new X509Certificate(membership.ca);
  if (!holds(leaf)) {
    throw new FairleadError("certificate.untrusted", "the edge answered with a certificate for another key");
  }
  if (!leaf.verify(authority.publicKey) || !authority.verify(root.publicKey)) {
    throw new FairleadError("certificate.untrusted", "the edge answered with a certificate of another CA");
  }
}

/**
 * The certificate authorities of a registry: the network CA and the CAs of the issuers. Keys are sealed at
 * rest.
 */

import { equalBytes } from "../../../protocol/encoding.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import {
  type Authority,
  createIssuerAuthority,
  createNetworkAuthority,
  makeNetworkRoot,
  nearsExpiry,
  renewIssuerAuthority,
  renewNetworkAuthority,
} from "../../authority/authority.ts";
import {
  signLinkCertificate,
  signServiceCertificate,
  signSiteCertificate,
  verifyLinkCertificate,
} from "../../authority/certificates.ts";
import { makeSealer } from "../../authority/sealer.ts";
import { NETWORK_NODE } from "../policy/link-graph.ts";
import type { IssuerRow, LinkRow, MemberRow, NetworkRow, Store } from "../store/store.ts";
import type { RegistrySettings } from "./settings.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export class Authorities {
  readonly #settings: RegistrySettings;
  readonly #store: Store;
  readonly #renewed: (what: string) => void;
  /**
   * The last opened key of each authority, with its sealed form. A different sealed form means a different
   * key.
   */
  readonly #opened = new Map<string, { sealedKey: Bytes; privateKey: Bytes }>();

  /** @param renewed receives the subject of a CA that was reissued because it was about to expire */
  constructor(settings: RegistrySettings, store: Store, renewed: (what: string) => void) {
    this.#settings = settings;
    this.#store = store;
    this.#renewed = renewed;
  }

  get #deployment() {
    const { deploymentCa, deploymentCaKey } = this.#settings;
    return { deploymentCa, deploymentCaKey };
  }

  #sealer(networkId: string) {
    return makeSealer(this.#settings.deploymentCaKey, `authorities:${networkId}`);
  }

  /** Creates the CA of a new network. Stores nothing. */
  async makeNetwork(id: string, name: string, createdAt: number, now: number): Promise<NetworkRow> {
    const made = await createNetworkAuthority({ networkId: id, ...this.#deployment, now });
    const sealedKey = await (await this.#sealer(id)).seal(made.privateKey);
    return { id, name, createdAt, certificate: made.certificate, sealedKey };
  }

  async #makeIssuer(issuer: string, now: number): Promise<IssuerRow> {
    const network = this.#networkRow();
    const made = await createIssuerAuthority({ name: `${network.id} ${issuer}`, now });
    const sealedKey = await (await this.#sealer(network.id)).seal(made.privateKey);
    return { id: issuer, certificate: made.certificate, sealedKey };
  }

  /** Whether this deployment can open a sealed key. */
  async opens(networkId: string, sealedKey: Bytes): Promise<boolean> {
    const sealer = await this.#sealer(networkId);
    return sealer.open(sealedKey).then(
      () => true,
      () => false,
    );
  }

  #networkRow(): NetworkRow {
    const row = this.#store.network.get();
    if (!row) throw new FairleadError("network.unknown");
    return row;
  }

  async #privateKey(id: string, sealedKey: Bytes): Promise<Bytes> {
    const opened = this.#opened.get(id);
    if (opened && equalBytes(opened.sealedKey, sealedKey)) return opened.privateKey;
    const privateKey = await (await this.#sealer(this.#networkRow().id)).open(sealedKey);
    this.#opened.set(id, { sealedKey, privateKey });
    return privateKey;
  }

  async #network(now: number): Promise<Authority & { id: string }> {
    const row = this.#networkRow();
    const privateKey = await this.#privateKey("", row.sealedKey);
    if (!nearsExpiry(row.certificate, now, this.#settings.deploymentCa)) return { ...row, privateKey };
    const certificate = await renewNetworkAuthority({
      networkId: row.id,
      certificate: row.certificate,
      ...this.#deployment,
      now,
    });
    this.#store.transaction(() => {
      // Concurrent renewals: only the first one stores its certificate and reports it.
      const stored = this.#store.network.get();
      if (!stored || !equalBytes(stored.certificate, row.certificate)) return;
      this.#store.network.setCertificate(certificate);
      this.#renewed("the network");
    });
    return { id: row.id, certificate, privateKey };
  }

  /** The CA of an issuer, created on first use. */
  async #issuer(issuer: string, now: number): Promise<Authority> {
    const row = this.#store.issuers.get(issuer) ?? (await this.#firstOf(issuer, now));
    const privateKey = await this.#privateKey(issuer, row.sealedKey);
    if (!nearsExpiry(row.certificate, now)) return { certificate: row.certificate, privateKey };
    const certificate = await renewIssuerAuthority({ certificate: row.certificate, privateKey, now });
    this.#store.transaction(() => {
      if (!this.holds(issuer, row.certificate)) return;
      this.#store.issuers.put({ ...row, certificate }, now);
      this.#renewed(`issuer ${this.#store.sites.get(issuer)?.name ?? issuer}`);
    });
    return { certificate, privateKey };
  }

  /** Creates the CA of an issuer unless it exists. */
  async ensure(issuer: string, now: number): Promise<void> {
    await this.#issuer(issuer, now);
  }

  async #firstOf(issuer: string, now: number): Promise<IssuerRow> {
    const made = await this.#makeIssuer(issuer, now);
    // A concurrent call may have stored a CA meanwhile. The stored CA takes precedence.
    const stored = this.#store.issuers.get(issuer);
    if (stored) return stored;
    // No CA is stored for a site that was removed meanwhile. Certificates signed with it are never accepted.
    if (this.mayIssue(issuer)) this.#store.issuers.put(made, now);
    return made;
  }

  /** Whether tokens and links may be issued by `issuer`: the network, or a site that is not revoked. */
  mayIssue(issuer: string): boolean {
    const site = this.#store.sites.get(issuer);
    return issuer === NETWORK_NODE || (site !== null && site.state !== "revoked");
  }

  /** Whether the next signing reissues the network CA. */
  networkNearsEnd(now: number): boolean {
    return nearsExpiry(this.#networkRow().certificate, now, this.#settings.deploymentCa);
  }

  /** Whether `certificate` is the issuer's present CA. */
  holds(issuer: string, certificate: Bytes): boolean {
    const row = this.#store.issuers.get(issuer);
    return row !== null && equalBytes(row.certificate, certificate);
  }

  /**
   * Signs a site certificate for a registered key, and returns the network CA with it. Stores no certificate.
   */
  async signSite(site: Pick<MemberRow, "id" | "publicKey">, now: number) {
    const network = await this.#network(now);
    const signed = await signSiteCertificate({
      authority: network,
      networkId: network.id,
      siteId: site.id,
      publicKey: site.publicKey,
      now,
    });
    return { ...signed, authority: network.certificate };
  }

  /**
   * Signs a link certificate for the joiner's key with the issuer's CA. Stores no certificate. Before storing
   * it, the caller checks {@link holds} in the same transaction: the issuer's access may have been revoked
   * meanwhile.
   */
  async signLink(link: Pick<LinkRow, "id" | "issuer" | "joiner">, publicKey: Bytes, now: number) {
    const authority = await this.#issuer(link.issuer, now);
    const signed = await signLinkCertificate({
      authority,
      networkId: this.#networkRow().id,
      linkId: link.id,
      siteId: link.joiner,
      publicKey,
      now,
    });
    return { ...signed, authority: authority.certificate };
  }

  /** Signs a certificate for the listener of a service. Stores no certificate. @param names DNS names */
  async signService(service: string, names: readonly string[], publicKey: Bytes, now: number) {
    const authority = await this.#network(now);
    return await signServiceCertificate({ authority, service, names, publicKey, now });
  }

  /** The self-signed form of the network CA, DER. */
  async networkRoot(now: number): Promise<Bytes> {
    const { id, certificate, privateKey } = await this.#network(now);
    return await makeNetworkRoot({ networkId: id, certificate, privateKey });
  }

  /** @throws FairleadError `certificate.*` if the certificate does not prove the link for that key */
  async verifyLink(certificate: Bytes, link: LinkRow, keyHash: string, now: number): Promise<void> {
    const issuer = this.#store.issuers.get(link.issuer);
    if (!issuer) throw new FairleadError("certificate.untrusted", "The link's issuer has no CA.");
    await verifyLinkCertificate(certificate, {
      issuer: issuer.certificate,
      networkId: this.#networkRow().id,
      linkId: link.id,
      keyHash,
      now,
    });
  }
}

/** The registry's certificate authorities: the network CA and the issuers' CAs, their keys sealed at rest. */

import { FairleadError } from "../../protocol/errors.ts";
import {
  createIssuerAuthority,
  createNetworkAuthority,
  signLinkCertificate,
  signSiteCertificate,
  verifyLinkCertificate,
} from "../authority/certificates.ts";
import { makeSealer } from "../authority/sealing.ts";
import type { Env } from "../env.ts";
import type { LinkRow, NetworkRow, SiteRow, Store } from "./store/store.ts";

interface Authority {
  certificate: Uint8Array<ArrayBuffer>;
  privateKey: Uint8Array<ArrayBuffer>;
}

export class Authorities {
  readonly #env: Env;
  readonly #store: Store;
  readonly #opened = new Map<string, Authority>();

  constructor(env: Env, store: Store) {
    this.#env = env;
    this.#store = store;
  }

  #sealer(networkId: string) {
    return makeSealer(this.#env.DEPLOYMENT_CA_KEY, `authorities:${networkId}`);
  }

  /** Makes the CA of a new network. Stores nothing. */
  async makeNetwork(id: string, name: string, createdAt: number, now: number): Promise<NetworkRow> {
    const made = await createNetworkAuthority({
      networkId: id,
      deploymentCa: this.#env.DEPLOYMENT_CA,
      deploymentCaKey: this.#env.DEPLOYMENT_CA_KEY,
      now,
    });
    const sealedKey = await (await this.#sealer(id)).seal(made.privateKey);
    return { id, name, createdAt, certificate: made.certificate, sealedKey };
  }

  async #network(): Promise<Authority & { id: string }> {
    const row = this.#store.network.get();
    if (!row) throw new FairleadError("network.unknown");
    let opened = this.#opened.get("");
    if (!opened) {
      const privateKey = await (await this.#sealer(row.id)).open(row.sealedKey);
      opened = { certificate: row.certificate, privateKey };
      this.#opened.set("", opened);
    }
    return { ...opened, id: row.id };
  }

  /** The CA of an issuer, made at its first use. */
  async #issuer(networkId: string, issuer: string, now: number): Promise<Authority> {
    const known = this.#opened.get(issuer);
    if (known) return known;
    const sealer = await this.#sealer(networkId);
    const row = this.#store.issuers.get(issuer);
    if (row) {
      const opened = { certificate: row.certificate, privateKey: await sealer.open(row.sealedKey) };
      this.#opened.set(issuer, opened);
      return opened;
    }
    const made = await createIssuerAuthority({ name: `${networkId} ${issuer}`, now });
    const sealedKey = await sealer.seal(made.privateKey);
    // Another call may have made it while this one waited: the stored one counts.
    const stored = this.#store.issuers.get(issuer);
    if (stored) return this.#issuer(networkId, issuer, now);
    this.#store.issuers.put({ id: issuer, certificate: made.certificate, sealedKey }, now);
    this.#opened.set(issuer, made);
    return made;
  }

  /** A site certificate for a registered key, and the network CA that signed it. Stores nothing. */
  async signSite(site: Pick<SiteRow, "id" | "publicKey">, now: number) {
    const network = await this.#network();
    const signed = await signSiteCertificate({
      authority: network,
      networkId: network.id,
      siteId: site.id,
      publicKey: site.publicKey,
      now,
    });
    return { ...signed, authority: network.certificate };
  }

  /** A link certificate from the issuer's CA for the joiner's key. Stores nothing but a new issuer's CA. */
  async signLink(
    link: Pick<LinkRow, "id" | "issuer" | "joiner">,
    publicKey: Uint8Array<ArrayBuffer>,
    now: number,
  ) {
    const network = await this.#network();
    const issuer = await this.#issuer(network.id, link.issuer, now);
    return signLinkCertificate({
      authority: issuer,
      networkId: network.id,
      linkId: link.id,
      siteId: link.joiner,
      publicKey,
      now,
    });
  }

  /** @throws FairleadError `certificate.*` when the certificate does not prove the link for that key. */
  async verifyLink(
    certificate: Uint8Array<ArrayBuffer>,
    link: LinkRow,
    keyHash: string,
    now: number,
  ): Promise<void> {
    const network = await this.#network();
    const issuer = await this.#issuer(network.id, link.issuer, now);
    await verifyLinkCertificate(certificate, {
      issuer: issuer.certificate,
      networkId: network.id,
      linkId: link.id,
      keyHash,
      now,
    });
  }
}

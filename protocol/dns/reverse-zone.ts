/**
 * A zone of the addresses that a site gives to services, which names the services by PTR records:
 *
 *     1.0.2.127.in-addr.arpa    PTR    SERVICE.DOMAIN
 */
import { reverseForm } from "./address.ts";
import type { DnsRecord } from "./record.ts";
import { type Node, nameServerOf, RECORD_TTL, soaOf, type Zone } from "./zone.ts";

/** What the zone is made from. */
export interface ReverseSource {
  /** Changes with the services. */
  readonly serial: number;
  /** The services at an address, by its reverse name. */
  servicesAt(name: string): readonly string[];
  /** Whether every service of the network is known. */
  readonly isComplete: boolean;
}

export class ReverseZone implements Zone {
  readonly origin: string;
  readonly server: string;
  readonly #domain: string;
  readonly #source: ReverseSource;

  /** @param domain that of the network's services */
  constructor(origin: string, domain: string, source: ReverseSource) {
    this.origin = origin;
    this.server = nameServerOf(domain);
    this.#domain = domain;
    this.#source = source;
  }

  get serial(): number {
    return this.#source.serial;
  }

  node(labels: readonly string[]): Node {
    const name = [...labels, this.origin].join(".");
    const form = reverseForm(name);
    if (form === "none") return "absent";
    const { isComplete } = this.#source;
    const pointers = this.#source.servicesAt(name).map(
      (service): DnsRecord => ({
        ...{ name, ttl: RECORD_TTL, data: { type: "PTR", host: `${service}.${this.#domain}` } },
      }),
    );
    if (labels.length === 0) return [soaOf(this, RECORD_TTL), this.#nameServer(), ...pointers];
    // Addresses are below the name of a part of one.
    if (form === "part" || pointers.length > 0) return pointers;
    return isComplete ? "absent" : "unknown";
  }

  additional(): readonly DnsRecord[] {
    return [];
  }

  #nameServer(): DnsRecord {
    return { name: this.origin, ttl: RECORD_TTL, data: { type: "NS", host: this.server } };
  }
}

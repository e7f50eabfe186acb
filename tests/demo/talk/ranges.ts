/**
 * The addresses of the talk's clusters: a range of loopback addresses for each, with one address for each program and
 * each service, as pods and Services of Kubernetes have.
 */
import { tryAddress } from "../../../connector/edge/addresses/ports.ts";
import { DEPLOYMENTS, type Deployment, SITES, type SiteName } from "./deployments.ts";

/** Second bytes of the first cluster's addresses, in the order in which they are tried. */
const BASES = [1, 11, 21, 31, 41];

/** The port of DNS servers. mDNS has port 5353, and port 53 needs a permission. */
const DNS_PORT = 5300;

export class Ranges {
  readonly #base: number;

  private constructor(base: number) {
    this.#base = base;
  }

  /** Finds ranges whose addresses this machine has and nothing else uses. @throws Error for none */
  static async find(): Promise<Ranges> {
    for (const base of BASES) {
      const ranges = new Ranges(base);
      const places = [
        ...DEPLOYMENTS.map((each) => ({ host: ranges.hostOf(each), port: each.port })),
        ...SITES.map((site) => ({ host: ranges.dnsHost(site), port: DNS_PORT })),
      ];
      const free = await Promise.allSettled(places.map((place) => tryAddress(place)));
      if (free.every(({ status }) => status === "fulfilled")) return ranges;
    }
    throw new Error(
      "The demo needs three ranges of loopback addresses, such as 127.1.0.0/16. Linux has them without configuration; end another run of the demo if there is one.",
    );
  }

  /** Everything of a cluster. */
  all(site: SiteName): string {
    return `${this.#prefix(site)}.0.0/16`;
  }

  /** The range of the listeners of a cluster's connector. */
  services(site: SiteName): string {
    return `${this.#prefix(site)}.9.0/24`;
  }

  /** The address of a program. */
  hostOf(deployment: Deployment): string {
    const number = DEPLOYMENTS.filter(({ site }) => site === deployment.site).indexOf(deployment) + 1;
    return `${this.#prefix(deployment.site)}.1.${number}`;
  }

  /** The address of a cluster's connector, as a pod has one. */
  connector(site: SiteName): string {
    return `${this.#prefix(site)}.8.1`;
  }

  dnsHost(site: SiteName): string {
    return `${this.#prefix(site)}.0.53`;
  }

  /** Address and port of a cluster's DNS server. */
  dns(site: SiteName): string {
    return `${this.dnsHost(site)}:${DNS_PORT}`;
  }

  #prefix(site: SiteName): string {
    return `127.${this.#base + SITES.indexOf(site)}`;
  }
}

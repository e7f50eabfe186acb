/** The ports that services of this site have in the network, where they are not the ports that the site proposes. */
import type { OfferPort } from "../../protocol/uplink/messages.ts";
import type { Log } from "../log.ts";

export class ServicePorts {
  readonly #log: Log;
  #ports: ReadonlyMap<string, number> = new Map();

  constructor(log: Log) {
    this.#log = log;
  }

  /** The port of the service, where the registry named another than the site proposes. */
  of(service: string): number | undefined {
    return this.#ports.get(service);
  }

  /** Replaces the ports by those that the registry named, and logs new ones. */
  replace(ports: readonly OfferPort[] = []): void {
    for (const { name: service, port } of ports) {
      if (this.#ports.get(service) === port) continue;
      this.#log.info(
        { service, port },
        `The service has port ${port} in this network, whatever its target has.`,
      );
    }
    this.#ports = new Map(ports.map(({ name, port }) => [name, port]));
  }
}

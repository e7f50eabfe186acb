/** The instances that offer services, in the view of a site. */
import type { Instance, Welcome } from "../../../protocol/uplink/messages.ts";

/** Returns the first instance that offers a service. @throws Error when the site does not see the service */
export function offering(services: Welcome["services"], service: string): Instance {
  const [offer] = services.find(({ name }) => name === service)?.offers ?? [];
  if (offer === undefined) throw new Error(`The service ${service} is not seen.`);
  return offer;
}

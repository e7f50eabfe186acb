/** A second context of a registry, over the storage of a running object. */
import { env } from "cloudflare:workers";
import { readConfig } from "../../../workers/config.ts";
import { Authorities } from "../../../workers/registry/context/authorities.ts";
import { Context } from "../../../workers/registry/context/context.ts";
import { Uplinks } from "../../../workers/registry/sockets/uplinks.ts";
import { Store } from "../../../workers/registry/store/store.ts";

/** @param adapt replaces the authorities */
export function contextOn(
  state: DurableObjectState,
  adapt: (plain: Authorities) => Authorities = (plain) => plain,
): Context {
  const settings = readConfig(env);
  const store = new Store(state.storage);
  const authorities = adapt(new Authorities(settings, store, () => undefined));
  const uplinks = new Uplinks(state, () => undefined);
  const routers = { cut: (name: string) => env.ROUTER.getByName(name).cut() };
  const doors = { close: async () => undefined, cutSockets: async () => undefined };
  const telemetry = { removeSite: async () => undefined, destroy: async () => undefined };
  return new Context({ settings, routers, doors, telemetry, store, uplinks, authorities });
}

/**
 * What a connector has of its machine: descriptors, the targets that it offers, its listeners, and the dials to
 * targets, which must not lead to a connector's own listener.
 */

import { toMilliseconds } from "../config/duration.ts";
import type { HopPolicy } from "../config/hop-policy.ts";
import { ListenerSet, NOTHING_ASSIGNED } from "../listeners/listener-set.ts";
import { partLog } from "../log-levels.ts";
import { targetNames } from "../net/name-resolver.ts";
import { DescriptorWatch } from "../resources/descriptor-watch.ts";
import { MachineConnectors } from "../targets/machine-connectors.ts";
import { Offers } from "../targets/offers.ts";
import { OwnTargets } from "../targets/own-targets.ts";
import { TargetDials } from "../targets/target-dials.ts";
import type { ConnectorEvents } from "./events.ts";
import { LocalTargets } from "./local-targets.ts";
import type { PartOptions } from "./options.ts";

export interface MachineParts {
  readonly descriptors: DescriptorWatch;
  readonly offers: Offers;
  /** The other connectors of this machine. */
  readonly machine: MachineConnectors;
  readonly ownTargets: OwnTargets;
  readonly listeners: ListenerSet;
  readonly localTargets: LocalTargets;
  readonly dials: TargetDials;
}

/** Reads the offers and listeners that were kept. @throws FairleadError request.invalid, state.corrupt. */
export async function makeMachineParts(
  { state, site, config, log }: PartOptions,
  { events, hop }: { readonly events: ConnectorEvents; readonly hop: HopPolicy },
): Promise<MachineParts> {
  const { exposures, listen, bind } = config;
  const descriptors = new DescriptorWatch({
    onChange: () => events.emit("listenersChanged"),
    onShortage: () => events.emit("descriptorsShort"),
    log: partLog(log, "resources"),
  });
  const offers = await Offers.load(state, exposures, hop, partLog(log, "targets"));
  offers.setBalances(config.balance);
  const machine = new MachineConnectors({ site: () => site.membership.site.name });
  const ownTargets = new OwnTargets({ offers: () => offers.targets(), names: targetNames, others: machine });
  const listeners = await ListenerSet.load({
    ...{ state, bind, listen, descriptors, ownTargets },
    // The cluster assigns the ports.
    assigned: config.kubernetes === undefined ? undefined : NOTHING_ASSIGNED,
    log: partLog(log, "listeners"),
    keepAliveMs: toMilliseconds(config.keepalive),
    onClient: (at, socket) => events.emit("connection", at, socket),
    onUdp: (at, socket) => events.emit("udpListening", at, socket),
    onRefused: (at, socket, error) => events.emit("clientRefused", at, socket, error),
    onChange: () => events.emit("listenersChanged"),
  });
  const localTargets = new LocalTargets(machine, ownTargets, listeners);
  const dials = new TargetDials({
    // Any port, once other connectors are here: an address that a configuration names may be their target.
    isListened: (port) => listeners.isAt(port) || machine.listens(port),
    machine,
  });
  return { descriptors, offers, machine, ownTargets, listeners, localTargets, dials };
}

/** Keeps the listeners of this machine's connectors away from the targets of this site. */
import type { ListenerSet } from "../listeners/listener-set.ts";
import type { MachineConnectors } from "../targets/machine-connectors.ts";
import type { OwnTargets } from "../targets/own-targets.ts";
import type { Part } from "./part.ts";

/** How long after a change of targets alone they are looked at, ms. Those of a cluster change often. */
const SOON_MS = 1000;

export class LocalTargets implements Part {
  readonly #machine: MachineConnectors;
  readonly #ownTargets: OwnTargets;
  readonly #listeners: ListenerSet;
  #isDraining = false;
  #planned: NodeJS.Timeout | undefined;

  constructor(machine: MachineConnectors, ownTargets: OwnTargets, listeners: ListenerSet) {
    this.#machine = machine;
    this.#ownTargets = ownTargets;
    this.#listeners = listeners;
  }

  start(): void {
    this.#machine.start();
    this.review();
  }

  drain(): void {
    this.#isDraining = true;
  }

  close(): void {
    clearTimeout(this.#planned);
    this.#machine.close();
  }

  /** As {@link review}, once after several changes. */
  planReview(): void {
    this.#planned ??= setTimeout(() => this.review(), SOON_MS).unref();
  }

  /** Call this when targets or listeners have changed: informs the other connectors, and moves listeners off targets. */
  review(): void {
    clearTimeout(this.#planned);
    this.#planned = undefined;
    const own = this.#isDraining ? [] : this.#ownTargets.list();
    const targets = own.filter(({ transport }) => transport === "tcp");
    this.#machine.announce(targets, this.#listeners.namedPorts);
    this.#listeners.review();
    void this.#ownTargets.refresh();
  }
}

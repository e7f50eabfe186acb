/**
 * The health of the services that this site offers: keeps the targets of the pool those of the offers, has them checked,
 * and withdraws the ports whose targets are all down.
 */

import type { FairleadError } from "../../protocol/errors.ts";
import { type ServiceHealth as HealthOption, parseHealth } from "../config/health-options.ts";
import type { Log } from "../log.ts";
import { OfferHealth, type PortState, type Withdrawal } from "./offer-health.ts";
import type { OfferedService } from "./offers.ts";
import type { TargetGroup } from "./target-group.ts";
import { TargetMonitor } from "./target-monitor.ts";
import type { PoolPort, TargetPool } from "./target-pool.ts";

export interface ServiceHealthOptions {
  readonly pool: TargetPool;
  /** The services that this site offers now. */
  readonly offers: () => readonly OfferedService[];
  /** The checks, as the configuration has them. */
  readonly health: readonly HealthOption[];
  /** Called when the withdrawn ports of a service have changed. */
  readonly onWithdrawal: () => void;
  readonly log: Log;
}

export class ServiceHealth {
  readonly #options: ServiceHealthOptions;
  readonly #monitor: TargetMonitor;
  readonly #offerHealth: OfferHealth;
  #health: readonly HealthOption[];

  constructor(options: ServiceHealthOptions) {
    const { pool, log, onWithdrawal, health } = options;
    this.#options = options;
    this.#health = health;
    this.#offerHealth = new OfferHealth({ states: () => this.#states(), onChange: onWithdrawal, log });
    this.#monitor = new TargetMonitor({
      pool,
      onChange: () => this.#offerHealth.review(),
      log,
    });
  }

  start(): void {
    this.#monitor.start();
  }

  /** A connector that drains withdraws its offers in any case. */
  drain(): void {
    this.close();
  }

  close(): void {
    this.#monitor.close();
    this.#offerHealth.close();
  }

  /** Takes over other checks, or other offers. Targets and checks that are the same keep their state. */
  configure(health: readonly HealthOption[] = this.#health): void {
    this.#health = health;
    const { pool } = this.#options;
    const offers = this.#options.offers();
    // The checks that a command gave a service replace those of the configuration.
    const given = offers.filter((offer) => offer.health !== undefined);
    const replaced = new Set(given.map(({ name }) => name));
    const own = given.flatMap((offer) => offer.health?.map(parseHealth) ?? []);
    pool.configure(offers.flatMap(portsOf), [...health.filter(({ name }) => !replaced.has(name)), ...own]);
  }

  /** Call this when a target or the time of a check has changed. */
  review(): void {
    this.#monitor.review();
  }

  /** Checks the targets of a service now. See {@link TargetMonitor.check}. */
  async check(service: string): Promise<FairleadError | null> {
    return await this.#monitor.check(service);
  }

  /** What is withdrawn of a service; null if nothing is. */
  withdrawn(service: string): Withdrawal | null {
    return this.#offerHealth.of(service);
  }

  /** Whether anything is withdrawn. */
  get anyWithdrawn(): boolean {
    return this.#offerHealth.any;
  }

  /** The ports of an exposure with their targets, the first port first. */
  groups(exposure: OfferedService): TargetGroup[] {
    return portsOf(exposure).map((port) => this.#options.pool.group(port));
  }

  *#states(): Iterable<PortState> {
    for (const exposure of this.#options.offers()) {
      for (const [place, { isUp, failure }] of this.groups(exposure).entries()) {
        yield { name: exposure.name, place, isUp, code: failure?.error.code };
      }
    }
  }
}

const portsOf = ({ name, ports, source }: OfferedService): PoolPort[] =>
  ports.map((port) => ({ name, port, isManaged: source !== undefined }));

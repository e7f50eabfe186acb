/** The table of balances of services that an operator set. */
import * as z from "zod";
import { BalanceMode } from "../../../protocol/balance.ts";
import type { Routing } from "../policy/visibility.ts";
import { Memo } from "./mutations.ts";
import { type Sql, text } from "./sql.ts";

/** The balance of a service, as an operator set it. */
export interface ServiceBalance {
  readonly mode: BalanceMode;
  /** Ids of sites in the order of "priority". Sites that are not named come after them. */
  readonly sites: readonly string[];
  /** Weights by site id, instead of those of the sites' own offers. */
  readonly weights: Readonly<Record<string, number>>;
}

const Sites = z.array(z.string());
const Weights = z.record(z.string(), z.number().int());

export class Balances {
  readonly #sql: Sql;
  readonly #all: Memo<ReadonlyMap<string, ServiceBalance>>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#all = new Memo(sql.mutations, ["balances"], () => this.#read());
  }

  #read(): ReadonlyMap<string, ServiceBalance> {
    const rows = this.#sql.rows("SELECT * FROM balances");
    return new Map(
      rows.map((row) => [
        text(row, "service"),
        {
          mode: BalanceMode.parse(text(row, "mode")),
          sites: Sites.parse(JSON.parse(text(row, "sites"))),
          weights: Weights.parse(JSON.parse(text(row, "weights"))),
        },
      ]),
    );
  }

  /** The balance of a service; null if no operator set it. */
  of(service: string): ServiceBalance | null {
    return this.#all.value.get(service) ?? null;
  }

  /** The number of services with a balance of their own. */
  get count(): number {
    return this.#all.value.size;
  }

  /** Sets the balance of a service, offered or not; null removes it. Changes offers as others see them. */
  set(service: string, balance: ServiceBalance | null, now: number): void {
    const changes = ["balances", "offers"] as const;
    if (balance === null) {
      this.#sql.write(changes, "DELETE FROM balances WHERE service = ?", service);
      return;
    }
    const { mode, sites, weights } = balance;
    this.#sql.write(
      changes,
      "INSERT OR REPLACE INTO balances VALUES (?, ?, ?, ?, ?)",
      service,
      mode,
      JSON.stringify(sites),
      JSON.stringify(weights),
      now,
    );
  }

  /** The routing of a site's offer, with the operator's settings in place of the site's. */
  applied(service: string, site: string, routing: Routing): Routing {
    const balance = this.of(service);
    if (balance === null) return routing;
    const { mode, sites, weights } = balance;
    const at = sites.indexOf(site);
    return {
      ...routing,
      balance: mode,
      ...(sites.length === 0 ? {} : { rank: at < 0 ? sites.length : at }),
      ...(weights[site] === undefined ? {} : { weight: weights[site] }),
    };
  }
}

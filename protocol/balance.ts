/** How a service is balanced over the instances that offer it. */
import * as z from "zod";

/**
 * How clients choose between the instances of a service: by cost and load, the first site in order, or by weights
 * (docs/protocol.md, "The balance of a service").
 */
export const BalanceMode = z.enum(["cost", "priority", "weighted"]);
export type BalanceMode = z.infer<typeof BalanceMode>;
/** The balance of a service for which no side sets any. */
export const DEFAULT_BALANCE: BalanceMode = "cost";

/** The share of an instance where a service is balanced by weights; 0 takes none while others can. */
export const Weight = z.number().int().min(0).max(1000);
/** The weight of an instance unless given. */
export const DEFAULT_WEIGHT = 100;

/** The place of a site in the order of `priority`; the lowest is used first. */
export const Rank = z.number().int().min(0).max(10_000);

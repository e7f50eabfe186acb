/**
 * The option about the balance of services that this site offers, and its forms:
 *
 *     --balance api=cost
 *     --balance db=priority               --balance db=priority:1
 *     --balance web=weighted              --balance web=weighted:50
 */

import { BalanceMode, Rank, Weight } from "../../protocol/balance.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { ServiceName } from "../../protocol/names.ts";
import { parseWith } from "../../protocol/parse.ts";

/** How clients are to choose between this site and the others that offer a service. */
export interface OfferBalance {
  /** The service. */
  readonly name: string;
  readonly mode: BalanceMode;
  /** The place of this site in the order of "priority"; the lowest is used first. */
  readonly rank?: number | undefined;
  /** The share of this site for "weighted". */
  readonly weight?: number | undefined;
}

export const BALANCE_FORM = "NAME=cost|priority[:RANK]|weighted[:WEIGHT]";

/** Parses a value of `--balance`. @throws FairleadError `request.invalid`. */
export function parseBalance(text: string): OfferBalance {
  const invalid = (why: string) => new FairleadError("request.invalid", `"${text}": ${why}.`);
  const equals = text.indexOf("=");
  if (equals < 0) throw invalid(`the form is ${BALANCE_FORM}`);
  const name = parseWith(ServiceName, text.slice(0, equals), invalid);
  const [word, digits, ...rest] = text.slice(equals + 1).split(":");
  const mode = BalanceMode.safeParse(word);
  if (!mode.success || rest.length > 0) throw invalid(`the form is ${BALANCE_FORM}`);
  if (digits === undefined) return { name, mode: mode.data };
  const number = /^\d{1,5}$/.test(digits) ? Number(digits) : Number.NaN;
  if (mode.data === "priority" && Rank.safeParse(number).success)
    return { name, mode: mode.data, rank: number };
  if (mode.data === "weighted" && Weight.safeParse(number).success) {
    return { name, mode: mode.data, weight: number };
  }
  throw invalid("a rank is a number from 0 to 10000, a weight from 0 to 1000, and cost has neither");
}

/** Whether two entries of one service are the same. */
export function sameBalance(left: OfferBalance, right: OfferBalance): boolean {
  return left.mode === right.mode && left.rank === right.rank && left.weight === right.weight;
}

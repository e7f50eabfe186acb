/** Amounts, shares and prices as texts. */
import type { Amount } from "./estimate.ts";

export const dollars = (amount: number): string =>
  amount.toLocaleString("en-US", { style: "currency", currency: "USD" });

/** A share in percent: whole from 10 % on, with a digit more below. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.05) return "< 0.1 %";
  const digits = value >= 9.95 || value === 0 ? 0 : 1;
  return `${value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })} %`;
}

/** An amount with its unit: whole, but for the parts of what is small. */
export function quantity(amount: number, unit: string): string {
  return `${amount.toLocaleString("en-US", { maximumFractionDigits: amount < 1 ? 3 : 0 })} ${unit}`;
}

/** The cells of an amount: title, a day, share of the free plan, a month, price beyond what is included. */
export function amountCells(amount: Amount): [string, string, string, string, string] {
  const { item, title, unit, daily, freeShare, monthly, price } = amount;
  return [
    title,
    item === "stored" ? "" : quantity(daily, unit),
    freeShare === null ? "" : percent(freeShare),
    quantity(monthly, unit),
    dollars(price),
  ];
}

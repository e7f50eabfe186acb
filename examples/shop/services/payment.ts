/** PaymentService: charges a credit card. It checks the card, and charges nobody. */
import { randomUUID } from "node:crypto";
import type { CreditCard } from "../rpc/contract.ts";
import { CallError, serve } from "../rpc/server.ts";

/** The first digits of the cards that are accepted: VISA and Mastercard. */
const ACCEPTED = /^(?:4|5[1-5])/;

await serve("paymentservice", "shop.PaymentService", {
  charge: ({ amount, card }) => {
    const digits = card.number.replaceAll(/[\s-]/g, "");
    if (!/^\d{13,19}$/.test(digits) || !hasCheckDigit(digits))
      throw new CallError("INVALID_ARGUMENT", "The number of the card is wrong.");
    if (!ACCEPTED.test(digits))
      throw new CallError("INVALID_ARGUMENT", "Only VISA and Mastercard are accepted.");
    if (isExpired(card, new Date())) throw new CallError("INVALID_ARGUMENT", "The card has expired.");
    if (amount.hundredths <= 0) throw new CallError("INVALID_ARGUMENT", "There is nothing to charge.");
    return { transactionId: randomUUID() };
  },
});

/** Whether the last digit is right by Luhn's formula. */
function hasCheckDigit(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, at) => {
    const value = Number(digit) * (at % 2 === 0 ? 1 : 2);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return sum % 10 === 0;
}

/** A card is good until the end of its month. */
function isExpired({ expirationYear, expirationMonth }: CreditCard, now: Date): boolean {
  return now >= new Date(expirationYear, expirationMonth);
}

/** CurrencyService: converts amounts, at rates of its own. */
import { CallError, serve } from "../rpc/server.ts";

/** What one US dollar costs. */
const RATES: Readonly<Record<string, number>> = {
  USD: 1,
  EUR: 0.92,
  GBP: 0.79,
  CHF: 0.88,
  SEK: 10.4,
  JPY: 149.5,
  BRL: 5.6,
  INR: 84.1,
};

function rateOf(currency: string): number {
  const rate = RATES[currency];
  if (rate === undefined) throw new CallError("INVALID_ARGUMENT", `There is no rate for ${currency}.`);
  return rate;
}

await serve("currencyservice", "shop.CurrencyService", {
  getSupportedCurrencies: () => ({ currencies: Object.keys(RATES) }),
  convert: ({ from, toCurrency }) => ({
    currency: toCurrency,
    hundredths: Math.round((from.hundredths / rateOf(from.currency)) * rateOf(toCurrency)),
  }),
});

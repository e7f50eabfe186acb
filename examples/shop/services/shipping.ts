/** ShippingService: the price of a parcel, and its tracking id. */
import { randomBytes } from "node:crypto";
import type { CartItem } from "../rpc/contract.ts";
import { serve } from "../rpc/server.ts";

/** In hundredths of a US dollar: for the parcel, and for each piece in it. */
const PARCEL = 499;
const PIECE = 125;

const piecesOf = (items: readonly CartItem[]) => items.reduce((sum, { quantity }) => sum + quantity, 0);

await serve("shippingservice", "shop.ShippingService", {
  getQuote: ({ items }) => {
    const pieces = piecesOf(items);
    return { currency: "USD", hundredths: pieces === 0 ? 0 : PARCEL + PIECE * pieces };
  },
  shipOrder: ({ address: { country } }) => ({
    trackingId: `${country.slice(0, 2).toUpperCase()}-${randomBytes(5).toString("hex").toUpperCase()}`,
  }),
});

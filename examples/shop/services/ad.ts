/** AdService: advertisements for the categories that a page shows. */
import type { Ad } from "../rpc/contract.ts";
import { serve } from "../rpc/server.ts";

const ADS: readonly (Ad & { readonly category: string })[] = [
  { category: "deck", productId: "L9ECAV7KIM", text: "Lanterns for long nights: two for the price of two." },
  { category: "bridge", productId: "2ZYFJ3GM2N", text: "Lost? A compass knows at least one direction." },
  { category: "galley", productId: "6E92ZMYYFZ", text: "Coffee tastes of the sea in an enamel mug." },
  { category: "deck", productId: "0PUK6V6EV0", text: "Mooring rope: keeps your ship where you left it." },
];

let next = 0;

await serve("adservice", "shop.AdService", {
  getAds: ({ categories }) => {
    const fitting = ADS.filter(({ category }) => categories.includes(category));
    const ad = (fitting.length === 0 ? ADS : fitting)[next++ % (fitting.length || ADS.length)];
    return { ads: ad === undefined ? [] : [{ productId: ad.productId, text: ad.text }] };
  },
});

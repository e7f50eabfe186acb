/** RecommendationService: products that go with others. It asks the catalogue at PRODUCT_CATALOG_SERVICE_ADDR. */
import { createHash } from "node:crypto";
import { clientOf } from "../rpc/client.ts";
import { serve } from "../rpc/server.ts";

/** The most products that are recommended at once. */
const MOST = 4;

const catalog = clientOf("shop.ProductCatalogService", "PRODUCT_CATALOG_SERVICE_ADDR");

/** A place in an order that looks like chance and is always the same for the same products. */
const placeOf = (id: string, seen: readonly string[]) =>
  createHash("sha256")
    .update(`${[...seen].sort()} ${id}`)
    .digest("hex");

await serve("recommendationservice", "shop.RecommendationService", {
  listRecommendations: async ({ productIds: seen }) => {
    const { products } = await catalog.call("listProducts", {});
    const others = products.map(({ id }) => id).filter((id) => !seen.includes(id));
    const ranked = others.sort((a, b) => placeOf(a, seen).localeCompare(placeOf(b, seen)));
    return { productIds: ranked.slice(0, MOST) };
  },
});

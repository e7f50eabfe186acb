/** ProductCatalogService: the products of the shop. */
import type { Product } from "../rpc/contract.ts";
import { CallError, serve } from "../rpc/server.ts";

const product = (
  id: string,
  name: string,
  hundredths: number,
  categories: readonly string[],
  description: string,
): Product => ({ id, name, description, price: { currency: "USD", hundredths }, categories });

const PRODUCTS: readonly Product[] = [
  product("OLJCESPC7Z", "Sunglasses", 1999, ["deck"], "Dark lenses, and a cord for windy days."),
  product("1YMWWN1N4O", "Watch", 10_999, ["bridge"], "Shows the time here and in the port ahead."),
  product("6E92ZMYYFZ", "Enamel mug", 899, ["galley"], "Survives every fall but the one over board."),
  product("L9ECAV7KIM", "Brass lantern", 6499, ["deck", "galley"], "Burns twelve hours on one filling."),
  product("2ZYFJ3GM2N", "Compass", 4750, ["bridge"], "Points north, wherever the ship points."),
  product("0PUK6V6EV0", "Mooring rope", 3490, ["deck"], "Twenty metres, three strands, spliced by hand."),
  product("LS4PSXUNUM", "Ship's bell", 7925, ["bridge"], "Cast in bronze, and heard in any fog."),
  product("9SIQT8TOJO", "Stockless anchor", 18_900, ["deck"], "Nine kilograms that hold where you want it."),
  product("66VCHSJNUP", "Lifebuoy", 5200, ["deck", "bridge"], "Bright, light, and better not needed."),
];

await serve("productcatalogservice", "shop.ProductCatalogService", {
  listProducts: () => ({ products: PRODUCTS }),
  getProduct: ({ id }) => {
    const found = PRODUCTS.find((each) => each.id === id);
    if (found === undefined) throw new CallError("NOT_FOUND", `There is no product ${id}.`);
    return found;
  },
  searchProducts: ({ query }) => {
    const wanted = query.toLowerCase();
    return {
      products: PRODUCTS.filter((each) => `${each.name} ${each.description}`.toLowerCase().includes(wanted)),
    };
  },
});

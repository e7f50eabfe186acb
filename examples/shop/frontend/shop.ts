/**
 * What the pages show, from the services. A part whose service is away is null, and the page says so in its place; only
 * without the catalogue there is no page.
 */
import type { ServiceError } from "@grpc/grpc-js";
import { type CallNote, type CallOptions, clientOf } from "../rpc/client.ts";
import type { Ad, Address, CartItem, CreditCard, Money, Order, Product } from "../rpc/contract.ts";

const catalog = clientOf("shop.ProductCatalogService", "PRODUCT_CATALOG_SERVICE_ADDR");
const recommendations = clientOf("shop.RecommendationService", "RECOMMENDATION_SERVICE_ADDR");
const currencies = clientOf("shop.CurrencyService", "CURRENCY_SERVICE_ADDR");
const carts = clientOf("shop.CartService", "CART_SERVICE_ADDR");
const ads = clientOf("shop.AdService", "AD_SERVICE_ADDR");
const shipping = clientOf("shop.ShippingService", "SHIPPING_SERVICE_ADDR");
const checkout = clientOf("shop.CheckoutService", "CHECKOUT_SERVICE_ADDR");

/** The currency of the catalogue, which needs no conversion. */
export const OWN_CURRENCY = "USD";

/** Where a parcel goes unless the user says otherwise. */
export const ADDRESS: Address = { street: "1 Quay", city: "Harbour", country: "Portugal" };

/** The longest that a page waits for one of its parts, ms. A part that takes longer counts as away. */
const PART_LIMIT_MS = 2000;

/** A product with its price in the user's currency. */
export interface PricedProduct {
  readonly product: Product;
  readonly price: Money;
}

export interface CartLine extends PricedProduct {
  readonly quantity: number;
}

/** What every page has. */
export interface Frame {
  readonly currencies: readonly string[] | null;
  /** The currency of the prices: that of the catalogue while the others are away. */
  readonly currency: string;
  /** Pieces in the cart. */
  readonly cartSize: number | null;
  readonly ad: Ad | null;
  /** The calls that the page took. */
  readonly calls: readonly CallNote[];
}

/** Returns null in place of an error: the part of the page is away. */
const orNull = <T>(part: Promise<T>): Promise<T | null> => part.catch(() => null);

/** One request of a browser. */
export class Visit {
  readonly #userId: string;
  readonly #wish: string;
  readonly #calls: CallNote[] = [];
  /** Of calls for parts of the page, and of those that the user waits for. */
  readonly #part: CallOptions;
  readonly #deed: CallOptions;
  /** Whether prices can be converted. */
  readonly #currencies: Promise<readonly string[] | null>;

  /** @param currency the currency that the user wants */
  constructor(userId: string, currency: string) {
    this.#userId = userId;
    this.#wish = currency;
    const note = (call: CallNote) => void this.#calls.push(call);
    this.#part = { note, limitMs: PART_LIMIT_MS };
    this.#deed = { note };
    this.#currencies = orNull(
      currencies.call("getSupportedCurrencies", {}, this.#part).then((answer) => answer.currencies),
    );
  }

  /** Every product. @throws ServiceError without the catalogue */
  async products(): Promise<PricedProduct[]> {
    const { products } = await catalog.call("listProducts", {}, this.#part);
    return await Promise.all(products.map((product) => this.#priced(product)));
  }

  /** One product. @throws ServiceError without the catalogue, and for none */
  async product(id: string): Promise<PricedProduct> {
    return await this.#priced(await catalog.call("getProduct", { id }, this.#part));
  }

  /** Products that go with others; null while recommendations are away. */
  async recommended(seen: readonly string[]): Promise<PricedProduct[] | null> {
    return await orNull(
      recommendations
        .call("listRecommendations", { productIds: seen }, this.#part)
        .then(({ productIds }) => Promise.all(productIds.map((id) => this.product(id)))),
    );
  }

  /** The cart and what its parcel costs; null while the cart is away. */
  async cart(): Promise<{ lines: CartLine[]; shippingCost: Money | null } | null> {
    const items = await this.#items();
    if (items === null) return null;
    const [lines, quote] = await Promise.all([
      Promise.all(
        items.map(async ({ productId, quantity }) => ({ ...(await this.product(productId)), quantity })),
      ),
      orNull(shipping.call("getQuote", { address: ADDRESS, items }, this.#part)),
    ]);
    return { lines, shippingCost: quote === null ? null : await this.#converted(quote) };
  }

  /** @throws ServiceError */
  async addToCart(item: CartItem): Promise<void> {
    await carts.call("addItem", { userId: this.#userId, item }, this.#deed);
  }

  /** @throws ServiceError */
  async emptyCart(): Promise<void> {
    await carts.call("emptyCart", { userId: this.#userId }, this.#deed);
  }

  /** Places the order of what is in the cart. @throws ServiceError */
  async placeOrder(order: { address: Address; email: string; card: CreditCard }): Promise<Order> {
    const currency = await this.#currency();
    return await checkout.call("placeOrder", { userId: this.#userId, currency, ...order }, this.#deed);
  }

  /** What every page has. Its list of calls grows while others are under way. */
  async frame(categories: readonly string[]): Promise<Frame> {
    const [items, shown] = await Promise.all([
      this.#items(),
      orNull(ads.call("getAds", { categories }, this.#part)),
    ]);
    return {
      currencies: await this.#currencies,
      currency: await this.#currency(),
      cartSize: items === null ? null : items.reduce((sum, { quantity }) => sum + quantity, 0),
      ad: shown?.ads[0] ?? null,
      calls: this.#calls,
    };
  }

  async #items(): Promise<readonly CartItem[] | null> {
    const cart = await orNull(carts.call("getCart", { userId: this.#userId }, this.#part));
    return cart?.items ?? null;
  }

  async #currency(): Promise<string> {
    const known = await this.#currencies;
    return known?.includes(this.#wish) ? this.#wish : OWN_CURRENCY;
  }

  async #priced(product: Product): Promise<PricedProduct> {
    return { product, price: await this.#converted(product.price) };
  }

  /** An amount in the user's currency; in its own while currencies are away. */
  async #converted(from: Money): Promise<Money> {
    const toCurrency = await this.#currency();
    if (from.currency === toCurrency) return from;
    return (await orNull(currencies.call("convert", { from, toCurrency }, this.#part))) ?? from;
  }
}

/** The reason of a failed call, for people: the details of its status. */
export function reasonOf(error: unknown): string {
  const { details } = error as Partial<ServiceError>;
  return details ?? (error instanceof Error ? error.message : String(error));
}

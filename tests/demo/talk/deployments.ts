/** The talk's deployments: which program of the shop runs in which cluster, and how it is exposed. */

export const SITES = ["public1", "public2", "private1"] as const;
export type SiteName = (typeof SITES)[number];

/** The clusters' labels in the talk's files: `deployment-ms-a.yaml` and `expose-deployments-a.sh`. */
export const LETTERS: Readonly<Record<SiteName, string>> = { public1: "a", public2: "b", private1: "c" };

export interface Deployment {
  readonly name: string;
  readonly site: SiteName;
  /** Path in examples/shop/. */
  readonly program: string;
  /** The port where the program listens. */
  readonly port: number;
  /** The protocol as which it is exposed; null for none. */
  readonly protocol: "http2" | "tcp" | null;
  /** The port of the service in the network, if it is another than the program's. */
  readonly servicePort?: number;
  /** Variables with the addresses of services that it uses. */
  readonly uses?: Readonly<Record<string, string>>;
}

export const DEPLOYMENTS: readonly Deployment[] = [
  {
    name: "frontend",
    site: "public1",
    program: "frontend/server.ts",
    port: 8080,
    protocol: null,
    uses: {
      PRODUCT_CATALOG_SERVICE_ADDR: "productcatalogservice",
      RECOMMENDATION_SERVICE_ADDR: "recommendationservice",
      CURRENCY_SERVICE_ADDR: "currencyservice",
      CART_SERVICE_ADDR: "cartservice",
      AD_SERVICE_ADDR: "adservice",
      SHIPPING_SERVICE_ADDR: "shippingservice",
      CHECKOUT_SERVICE_ADDR: "checkoutservice",
    },
  },
  {
    name: "productcatalogservice",
    site: "public1",
    program: "services/product-catalog.ts",
    port: 3550,
    protocol: "http2",
  },
  {
    name: "recommendationservice",
    site: "public1",
    program: "services/recommendation.ts",
    port: 8080,
    protocol: "http2",
    uses: { PRODUCT_CATALOG_SERVICE_ADDR: "productcatalogservice" },
  },
  {
    name: "checkoutservice",
    site: "public2",
    program: "services/checkout.ts",
    port: 5050,
    protocol: "http2",
    uses: {
      PRODUCT_CATALOG_SERVICE_ADDR: "productcatalogservice",
      CURRENCY_SERVICE_ADDR: "currencyservice",
      CART_SERVICE_ADDR: "cartservice",
      SHIPPING_SERVICE_ADDR: "shippingservice",
      PAYMENT_SERVICE_ADDR: "paymentservice",
      EMAIL_SERVICE_ADDR: "emailservice",
    },
  },
  {
    name: "cartservice",
    site: "public2",
    program: "services/cart.ts",
    port: 7070,
    protocol: "http2",
    uses: { REDIS_ADDR: "redis-cart" },
  },
  {
    name: "currencyservice",
    site: "public2",
    program: "services/currency.ts",
    port: 7000,
    protocol: "http2",
  },
  { name: "adservice", site: "public2", program: "services/ad.ts", port: 9555, protocol: "http2" },
  { name: "redis-cart", site: "public2", program: "redis/server.ts", port: 6379, protocol: "tcp" },
  {
    name: "emailservice",
    site: "private1",
    program: "services/email.ts",
    port: 8080,
    servicePort: 5000,
    protocol: "http2",
  },
  {
    name: "paymentservice",
    site: "private1",
    program: "services/payment.ts",
    port: 50_051,
    protocol: "http2",
  },
  {
    name: "shippingservice",
    site: "private1",
    program: "services/shipping.ts",
    port: 50_051,
    protocol: "http2",
  },
];

/** A deployment that other clusters use. */
export type Exposed = Deployment & { readonly protocol: "http2" | "tcp" };

const isExposed = (deployment: Deployment): deployment is Exposed => deployment.protocol !== null;

export const EXPOSED: readonly Exposed[] = DEPLOYMENTS.filter(isExposed);

/** @throws Error for an unknown name */
export function deploymentOf(name: string): Deployment {
  const found = DEPLOYMENTS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`There is no deployment ${name}.`);
  return found;
}

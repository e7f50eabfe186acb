/** A browser of the shop without its pictures: it keeps cookies, follows redirects, and fills in the forms. */

/** The card and the products of the talk's own test. */
const CARD = { card: "5555555555554444", cvv: "111", month: "1", year: "2199" };
export const PRODUCTS = ["OLJCESPC7Z", "1YMWWN1N4O"] as const;

export interface ShopPage {
  readonly status: number;
  readonly text: string;
}

export class ShopBrowser {
  readonly #url: string;
  readonly #cookies = new Map<string, string>();

  constructor(url: string) {
    this.#url = url;
  }

  async get(path: string): Promise<ShopPage> {
    return await this.#fetch(path, {});
  }

  async addToCart(productId: string): Promise<ShopPage> {
    return await this.#post("/cart", { product_id: productId, quantity: "1" });
  }

  async placeOrder(): Promise<ShopPage> {
    return await this.#post("/cart/checkout", {
      ...{ email: "skipper@shop.example", street: "1 Quay", city: "Harbour", country: "Portugal" },
      ...CARD,
    });
  }

  async #post(path: string, form: Readonly<Record<string, string>>): Promise<ShopPage> {
    return await this.#fetch(path, { method: "POST", body: new URLSearchParams(form) });
  }

  async #fetch(path: string, options: RequestInit): Promise<ShopPage> {
    const cookie = [...this.#cookies].map((pair) => pair.join("=")).join("; ");
    const signal = AbortSignal.timeout(30_000);
    const headers = { cookie };
    const response = await fetch(new URL(path, this.#url), {
      ...options,
      headers,
      redirect: "manual",
      signal,
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (name !== undefined && value !== undefined) this.#cookies.set(name, value);
    }
    const location = response.headers.get("location");
    if (location !== null) return await this.#fetch(location, {});
    return { status: response.status, text: await response.text() };
  }
}

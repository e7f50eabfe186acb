/**
 * The frontend: the pages of the shop over HTTP. A user is a random id in a cookie.
 *
 *     GET  /  /product/ID  /cart  /_healthz
 *     POST /cart  /cart/empty  /cart/checkout  /currency
 *
 * Its environment has HOST and PORT, where it listens, and the addresses of the services: PRODUCT_CATALOG_SERVICE_ADDR,
 * RECOMMENDATION_SERVICE_ADDR, CURRENCY_SERVICE_ADDR, CART_SERVICE_ADDR, AD_SERVICE_ADDR, SHIPPING_SERVICE_ADDR and
 * CHECKOUT_SERVICE_ADDR.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { status } from "@grpc/grpc-js";
import type { Html } from "./html.ts";
import { cartPage, failurePage, homePage, orderPage, productPage } from "./pages.ts";
import { pictureOf } from "./pictures.ts";
import { OWN_CURRENCY, reasonOf, Visit } from "./shop.ts";

process.title = "frontend";
const { HOST = "127.0.0.1", PORT = "8080" } = process.env;
const STYLE = readFileSync(join(import.meta.dirname, "style.css"), "utf8");
/** Of the advertisements. */
const CATEGORIES = ["deck", "bridge", "galley"];

/** The most bytes of a form. */
const LONGEST_FORM = 10_000;

const SECURITY = {
  "content-security-policy":
    "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** A page, a picture, or the way to another page. */
interface Answer {
  readonly code?: number;
  readonly page?: Html;
  readonly text?: string;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const seeOther = (location: string, headers: Readonly<Record<string, string>> = {}): Answer => ({
  code: 303,
  headers: { location, ...headers },
});

/** A request with what its cookies say. */
interface Browser {
  readonly request: IncomingMessage;
  readonly userId: string;
  readonly currency: string;
}

async function answer(path: string, browser: Browser): Promise<Answer> {
  const visit = new Visit(browser.userId, browser.currency);
  const [, productId] = /^\/product\/(\w+)$/.exec(path) ?? [];
  if (productId !== undefined) {
    const [frame, shown, recommended] = await Promise.all([
      visit.frame(CATEGORIES),
      visit.product(productId),
      visit.recommended([productId]),
    ]);
    return { page: productPage(frame, shown, recommended) };
  }
  switch (`${browser.request.method} ${path}`) {
    case "GET /": {
      const [frame, products, recommended] = await Promise.all([
        visit.frame(CATEGORIES),
        visit.products(),
        visit.recommended([]),
      ]);
      return { page: homePage(frame, products, recommended) };
    }
    case "GET /cart": {
      const [frame, cart] = await Promise.all([visit.frame(CATEGORIES), visit.cart()]);
      return { page: cartPage(frame, cart) };
    }
    case "POST /cart": {
      const form = await formOf(browser.request);
      const item = { productId: form.get("product_id") ?? "", quantity: Number(form.get("quantity") ?? 1) };
      return await trying(visit, "The product is not in the cart", async () => {
        await visit.addToCart(item);
        return seeOther("/cart");
      });
    }
    case "POST /cart/empty":
      return await trying(visit, "The cart is as it was", async () => {
        await visit.emptyCart();
        return seeOther("/");
      });
    case "POST /cart/checkout": {
      const form = await formOf(browser.request);
      const text = (name: string) => form.get(name) ?? "";
      return await trying(visit, "The order is not placed", async () => {
        const order = await visit.placeOrder({
          email: text("email"),
          address: { street: text("street"), city: text("city"), country: text("country") },
          card: {
            number: text("card"),
            cvv: Number(text("cvv")),
            expirationYear: Number(text("year")),
            expirationMonth: Number(text("month")),
          },
        });
        return { page: orderPage(await visit.frame(CATEGORIES), order) };
      });
    }
    case "POST /currency": {
      const wish = /^[A-Z]{3}$/.exec((await formOf(browser.request)).get("currency") ?? "")?.[0];
      return seeOther("/", { "set-cookie": cookie("shop_currency", wish ?? OWN_CURRENCY) });
    }
    default:
      return { code: 404, page: failurePage(null, "Not found", "There is no such page.") };
  }
}

/** Does something, or shows why it failed. */
async function trying(visit: Visit, title: string, act: () => Promise<Answer>): Promise<Answer> {
  try {
    return await act();
  } catch (error) {
    const page = failurePage(await visit.frame(CATEGORIES), title, reasonOf(error));
    return { code: codeOf(error), page };
  }
}

/** The HTTP status for a failed call. */
function codeOf(error: unknown): number {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === status.NOT_FOUND) return 404;
  return code === status.INVALID_ARGUMENT || code === status.FAILED_PRECONDITION ? 400 : 503;
}

async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  let text = "";
  for await (const piece of request) {
    text += piece;
    if (text.length > LONGEST_FORM) throw new Error("The form is too long.");
  }
  return new URLSearchParams(text);
}

const cookie = (name: string, value: string) => `${name}=${value}; Path=/; HttpOnly; SameSite=Lax`;

const cookieOf = (request: IncomingMessage, name: string): string | undefined =>
  new RegExp(`(?:^|; )${name}=([\\w-]+)`).exec(request.headers.cookie ?? "")?.[1];

/** The answer for a path that needs no service; null for others. */
function fileAt(path: string): Answer | null {
  if (path === "/_healthz") return { text: "ok\n", type: "text/plain" };
  if (path === "/style.css") return { text: STYLE, type: "text/css" };
  const picture = pictureOf(/^\/pictures\/(\w+)\.svg$/.exec(path)?.[1] ?? "");
  return picture === null ? null : { text: picture, type: "image/svg+xml" };
}

/** The answer where there is no page at all. */
const closed = (error: unknown): Answer => ({
  code: codeOf(error),
  page: failurePage(null, codeOf(error) === 404 ? "Not found" : "The shop is closed", reasonOf(error)),
});

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = new URL(request.url ?? "/", "http://shop").pathname;
  const known = cookieOf(request, "shop_user");
  const userId = known ?? randomUUID();
  const browser = { request, userId, currency: cookieOf(request, "shop_currency") ?? OWN_CURRENCY };
  const file = fileAt(path);
  const given = file ?? (await answer(path, browser).catch(closed));
  const { code = 200, page, text = page?.text ?? "", type = "text/html", headers = {} } = given;
  for (const [name, value] of Object.entries({ ...SECURITY, ...headers })) response.setHeader(name, value);
  if (file === null && known === undefined) response.appendHeader("set-cookie", cookie("shop_user", userId));
  response.writeHead(code, { "content-type": `${type}; charset=utf-8` });
  response.end(request.method === "HEAD" ? "" : text);
}

const server = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(Number(PORT), HOST, () => {
  console.log(JSON.stringify({ service: "frontend", listening: `${HOST}:${PORT}` }));
});
process.once("SIGTERM", () => process.exit(0));

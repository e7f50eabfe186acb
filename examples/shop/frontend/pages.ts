/** The pages of the shop as HTML. */
import type { CallNote } from "../rpc/client.ts";
import type { Money, Order } from "../rpc/contract.ts";
import { type Html, html } from "./html.ts";
import type { CartLine, Frame, PricedProduct } from "./shop.ts";
import { ADDRESS } from "./shop.ts";

const NAME = "The Chandlery";

/** An amount such as $19.99. */
const money = ({ currency, hundredths }: Money): string =>
  new Intl.NumberFormat("en-US", { style: "currency", currency }).format(hundredths / 100);

/** Says in the place of a part that it is away. */
const away = (what: string) => html`<p class="away" role="status">${what} not available.</p>`;

export function homePage(
  frame: Frame,
  products: readonly PricedProduct[],
  recommended: readonly PricedProduct[] | null,
): Html {
  return page(
    frame,
    NAME,
    html`<section class="hero"><h1>Everything a ship needs</h1><p>Nine things, nine services, three clusters.</p></section>
<section class="grid" aria-label="Products">${products.map((each) => card(each))}</section>
${recommendedSection(recommended)}`,
  );
}

export function productPage(
  frame: Frame,
  { product, price }: PricedProduct,
  recommended: readonly PricedProduct[] | null,
): Html {
  const button =
    frame.cartSize === null
      ? away("The cart is")
      : html`<form method="post" action="/cart"><input type="hidden" name="product_id" value="${product.id}">
<label>Quantity <input type="number" name="quantity" value="1" min="1" max="10"></label> <button>Add to cart</button></form>`;
  return page(
    frame,
    product.name,
    html`<article class="product"><img src="/pictures/${product.id}.svg" alt="" width="480" height="360">
<div><h1>${product.name}</h1><p class="price">${money(price)}</p><p>${product.description}</p>${button}</div></article>
${recommendedSection(recommended)}`,
  );
}

export function cartPage(
  frame: Frame,
  cart: { readonly lines: readonly CartLine[]; readonly shippingCost: Money | null } | null,
): Html {
  if (cart === null) return page(frame, "Cart", html`<h1>Your cart</h1>${away("The cart is")}`);
  const { lines, shippingCost } = cart;
  if (lines.length === 0)
    return page(frame, "Cart", html`<h1>Your cart is empty</h1><p><a href="/">Go on shopping</a></p>`);
  const sum = lines.reduce((total, { price, quantity }) => total + price.hundredths * quantity, 0);
  const total = { currency: frame.currency, hundredths: sum + (shippingCost?.hundredths ?? 0) };
  return page(
    frame,
    "Cart",
    html`<h1>Your cart</h1><div class="columns"><section><table><tbody>${lines.map(
      ({ product, price, quantity }) =>
        html`<tr><td><img src="/pictures/${product.id}.svg" alt="" width="96" height="72"></td><td><a href="/product/${product.id}">${product.name}</a><br>${quantity} × ${money(price)}</td><td class="amount">${money({ ...price, hundredths: price.hundredths * quantity })}</td></tr>`,
    )}
<tr><td></td><td>Shipping</td><td class="amount">${shippingCost === null ? "not available" : money(shippingCost)}</td></tr>
<tr class="total"><td></td><td>Total</td><td class="amount">${money(total)}</td></tr></tbody></table>
<form method="post" action="/cart/empty"><button class="quiet">Empty cart</button></form></section>${orderForm()}</div>`,
  );
}

export function orderPage(frame: Frame, order: Order): Html {
  const clusters = [...new Set(order.steps.map(({ cluster }) => cluster))];
  return page(
    frame,
    "Order",
    html`<section class="hero"><h1>Your order is placed</h1><p>Tracking id <strong id="tracking">${order.trackingId}</strong></p></section>
<dl><dt>Order</dt><dd id="order">${order.orderId}</dd><dt>Products</dt><dd>${order.items.length}</dd><dt>Shipping</dt><dd>${money(order.shippingCost)}</dd><dt>Paid</dt><dd>${money(order.total)}</dd></dl>
<h2>Who took part</h2><div class="clusters">${clusters.map((cluster) => {
      const steps = order.steps.filter((step) => step.cluster === cluster);
      const calls = new Set(steps.map(({ service, method }) => `${service}.${method}`));
      return html`<section class="cluster"><h3>${cluster}</h3><ul>${[...calls].map((call) => html`<li>${call}</li>`)}</ul></section>`;
    })}</div><p><a href="/">Go on shopping</a></p>`,
  );
}

/** A page for what failed. `frame`: null where nothing is known. */
export function failurePage(frame: Frame | null, title: string, reason: string): Html {
  return page(
    frame,
    title,
    html`<h1>${title}</h1><p class="away" role="alert">${reason}</p><p><a href="/">Back to the shop</a></p>`,
  );
}

function page(frame: Frame | null, title: string, content: Html): Html {
  const heading = title === NAME ? title : `${title} · ${NAME}`;
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${heading}</title><link rel="icon" href="/pictures/66VCHSJNUP.svg"><link rel="stylesheet" href="/style.css"></head>
<body><header><a class="brand" href="/"><img src="/pictures/66VCHSJNUP.svg" alt="" width="48" height="36">${NAME}</a>${frame && currencyForm(frame)}${frame && cartLink(frame)}</header>
<main>${frame && banner(frame)}${frame && adStrip(frame)}${content}</main>
<footer>${frame && callList(frame.calls)}</footer></body></html>
`;
}

function currencyForm({ currencies, currency }: Frame): Html {
  if (currencies === null) return html`<span class="away">Currencies are not available.</span>`;
  const options = currencies.map((each) =>
    each === currency ? html`<option selected>${each}</option>` : html`<option>${each}</option>`,
  );
  return html`<form class="currency" method="post" action="/currency"><select name="currency" aria-label="Currency">${options}</select><button class="quiet">Change</button></form>`;
}

function cartLink({ cartSize }: Frame): Html {
  if (cartSize === null) return html`<span class="away">The cart is not available.</span>`;
  return html`<a class="cart" href="/cart">Cart <span class="count">${cartSize}</span></a>`;
}

function adStrip({ ad }: Frame): Html {
  if (ad === null) return away("Advertisements are");
  return html`<p class="ad"><span>Ad</span> <a href="/product/${ad.productId}">${ad.text}</a></p>`;
}

/** Names the services that did not answer. */
function banner({ calls }: Frame): Html | null {
  const missing = [...new Set(calls.filter(({ failure }) => failure !== null).map(({ service }) => service))];
  if (missing.length === 0) return null;
  return html`<p class="banner" role="alert"><strong>Parts of the shop are away.</strong> No answer from ${missing.join(", ")}.</p>`;
}

const card = ({ product, price }: PricedProduct) =>
  html`<a class="card" href="/product/${product.id}"><img src="/pictures/${product.id}.svg" alt="" width="240" height="180"><span>${product.name}</span><span class="price">${money(price)}</span></a>`;

function recommendedSection(products: readonly PricedProduct[] | null): Html {
  return html`<section><h2>You may also like</h2>${products === null ? away("Recommendations are") : html`<div class="grid small">${products.map(card)}</div>`}</section>`;
}

function orderForm(): Html {
  const field = (name: string, label: string, value: string | number) =>
    html`<label>${label}<input name="${name}" value="${value}" required></label>`;
  return html`<form class="order" method="post" action="/cart/checkout"><h2>Order</h2>${[
    field("email", "E-mail", "skipper@shop.example"),
    field("street", "Street", ADDRESS.street),
    field("city", "City", ADDRESS.city),
    field("country", "Country", ADDRESS.country),
    field("card", "Card", "5555 5555 5555 4444"),
    field("month", "Month", 1),
    field("year", "Year", 2199),
    field("cvv", "CVV", 111),
  ]}<button>Place the order</button></form>`;
}

/** The services that a page took, each once: where it runs, its slowest call, and whether it answered. */
function callList(calls: readonly CallNote[]): Html {
  const services = Map.groupBy(calls, ({ service }) => service);
  const items = [...services].map(([service, all]) => {
    const answered = all.find(({ failure }) => failure === null);
    const slowest = Math.max(...all.map(({ ms }) => ms));
    return answered === undefined
      ? html`<li class="failed"><strong>${service}</strong> ${all[0]?.failure ?? ""}</li>`
      : html`<li><strong>${service}</strong> in ${answered.cluster}, ${slowest} ms</li>`;
  });
  return html`<h2>What this page asked</h2><ul class="calls">${items}</ul>`;
}

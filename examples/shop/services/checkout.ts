/**
 * CheckoutService: places an order, which takes six other services. Their addresses are in CART_SERVICE_ADDR,
 * PRODUCT_CATALOG_SERVICE_ADDR, CURRENCY_SERVICE_ADDR, SHIPPING_SERVICE_ADDR, PAYMENT_SERVICE_ADDR and
 * EMAIL_SERVICE_ADDR.
 */
import { randomUUID } from "node:crypto";
import { type CallNote, clientOf } from "../rpc/client.ts";
import type { Money, Step } from "../rpc/contract.ts";
import { CallError, serve } from "../rpc/server.ts";

const cart = clientOf("shop.CartService", "CART_SERVICE_ADDR");
const catalog = clientOf("shop.ProductCatalogService", "PRODUCT_CATALOG_SERVICE_ADDR");
const currencies = clientOf("shop.CurrencyService", "CURRENCY_SERVICE_ADDR");
const shipping = clientOf("shop.ShippingService", "SHIPPING_SERVICE_ADDR");
const payment = clientOf("shop.PaymentService", "PAYMENT_SERVICE_ADDR");
const mail = clientOf("shop.EmailService", "EMAIL_SERVICE_ADDR");

/** Puts the name of the service into the error of a call. */
async function step<T>(doing: string, call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    // A card that is refused is the user's to mend.
    throw new CallError(
      /INVALID_ARGUMENT/.test(why) ? "INVALID_ARGUMENT" : "UNAVAILABLE",
      `${doing}: ${why}`,
    );
  }
}

await serve("checkoutservice", "shop.CheckoutService", {
  placeOrder: async ({ userId, currency, address, email, card }) => {
    const steps: Step[] = [];
    const noted = {
      note: ({ service, method, cluster }: CallNote) => void steps.push({ service, method, cluster }),
    };
    const inCurrency = (from: Money) =>
      step("currencies", currencies.call("convert", { from, toCurrency: currency }, noted));

    const { items } = await step("cart", cart.call("getCart", { userId }, noted));
    if (items.length === 0) throw new CallError("FAILED_PRECONDITION", "The cart is empty.");
    const bought = await Promise.all(
      items.map(async (item) => {
        const { price } = await step("catalogue", catalog.call("getProduct", { id: item.productId }, noted));
        return { item, cost: await inCurrency(price) };
      }),
    );
    const quote = await step("shipping", shipping.call("getQuote", { address, items }, noted));
    const shippingCost = await inCurrency(quote);
    const total = {
      currency,
      hundredths: bought.reduce(
        (sum, { item, cost }) => sum + cost.hundredths * item.quantity,
        shippingCost.hundredths,
      ),
    };
    await step("payment", payment.call("charge", { amount: total, card }, noted));
    const { trackingId } = await step("shipping", shipping.call("shipOrder", { address, items }, noted));
    await step("cart", cart.call("emptyCart", { userId }, noted));
    const order = { orderId: randomUUID(), trackingId, items: bought, shippingCost, total, steps };
    // An order that cannot be confirmed is placed all the same.
    await mail.call("sendOrderConfirmation", { email, order }, noted).catch(() => {});
    return { ...order, steps };
  },
});

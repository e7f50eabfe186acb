/** EmailService: confirms an order. It writes the confirmation to its log, and sends nothing. */
import { serve } from "../rpc/server.ts";

await serve("emailservice", "shop.EmailService", {
  sendOrderConfirmation: ({ email, order: { orderId, items } }) => {
    console.log(JSON.stringify({ to: email, text: `Your order ${orderId} of ${items.length} products.` }));
    return {};
  },
});

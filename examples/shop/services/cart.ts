/** CartService: what each user wants to buy, in the Redis at REDIS_ADDR. A cart is a hash of product and quantity. */
import { RedisClient } from "../redis/client.ts";
import { CallError, serve } from "../rpc/server.ts";

/** The most pieces of one product in a cart. */
const MOST = 99;

const redis = new RedisClient(process.env.REDIS_ADDR ?? "127.0.0.1:6379");
const keyOf = (userId: string) => `cart:${userId}`;

await serve("cartservice", "shop.CartService", {
  addItem: async ({ userId, item: { productId, quantity } }) => {
    if (quantity < 1 || quantity > MOST)
      throw new CallError("INVALID_ARGUMENT", `A quantity is 1 to ${MOST}.`);
    await redis.command("HINCRBY", keyOf(userId), productId, String(quantity));
    return {};
  },
  getCart: async ({ userId }) => {
    const fields = await redis.command("HGETALL", keyOf(userId));
    if (!Array.isArray(fields)) throw new CallError("INTERNAL", "Redis did not answer with a hash.");
    const items = fields.flatMap((field, at) =>
      at % 2 === 0 ? [{ productId: String(field), quantity: Number(fields[at + 1]) }] : [],
    );
    return { items };
  },
  emptyCart: async ({ userId }) => {
    await redis.command("DEL", keyOf(userId));
    return {};
  },
});

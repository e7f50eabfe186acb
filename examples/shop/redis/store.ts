/** The commands of Redis that the shop uses, on values in memory. */
import { RedisError, type Reply } from "./resp.ts";

export class Store {
  readonly #values = new Map<string, string | Map<string, string>>();

  /** Runs a command. The reply of one that fails is a RedisError. */
  run([name = "", key = "", ...rest]: readonly string[]): Reply {
    switch (name.toUpperCase()) {
      case "PING":
        return key === "" ? "PONG" : key;
      case "GET":
        return this.#text(key);
      case "SET":
        this.#values.set(key, rest[0] ?? "");
        return "OK";
      case "DEL":
        return this.#values.delete(key) ? 1 : 0;
      case "HGET":
        return this.#withHash(key, (hash) => hash.get(rest[0] ?? "") ?? null);
      case "HSET":
        return this.#withHash(key, (hash) => {
          const isNew = !hash.has(rest[0] ?? "");
          hash.set(rest[0] ?? "", rest[1] ?? "");
          return isNew ? 1 : 0;
        });
      case "HINCRBY":
        return this.#withHash(key, (hash) => {
          const sum = Number(hash.get(rest[0] ?? "") ?? 0) + Number(rest[1]);
          if (!Number.isSafeInteger(sum)) return new RedisError("ERR hash value is not an integer");
          hash.set(rest[0] ?? "", String(sum));
          return sum;
        });
      case "HGETALL":
        return this.#withHash(key, (hash) => [...hash].flat());
      default:
        return new RedisError(`ERR unknown command '${name}'`);
    }
  }

  #text(key: string): Reply {
    const value = this.#values.get(key) ?? null;
    return value instanceof Map ? wrongType() : value;
  }

  #withHash(key: string, use: (hash: Map<string, string>) => Reply): Reply {
    const value = this.#values.get(key) ?? new Map<string, string>();
    if (!(value instanceof Map)) return wrongType();
    const reply = use(value);
    if (value.size > 0) this.#values.set(key, value);
    return reply;
  }
}

const wrongType = () => new RedisError("WRONGTYPE Operation against a key holding the wrong kind of value");

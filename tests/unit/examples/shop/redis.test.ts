/** The small server and client of Redis that the shop has for machines without redis-server. */
import { describe, expect, it } from "vitest";
import {
  encodeCommand,
  encodeReply,
  RedisError,
  type Reply,
  RespReader,
} from "../../../../examples/shop/redis/resp.ts";
import { Store } from "../../../../examples/shop/redis/store.ts";

const REPLIES: readonly Reply[] = ["PONG", "", "äöü\r\n", 42, null, ["a", "1", ["b", null]], []];

describe("RespReader", () => {
  it("reads replies and commands that arrive in pieces of any length", () => {
    const bytes = Buffer.from([...REPLIES.map(encodeReply), encodeCommand(["GET", "ä"])].join(""));
    for (let length = 1; length <= bytes.length; length++) {
      const reader = new RespReader();
      const read: Reply[] = [];
      for (let at = 0; at < bytes.length; at += length)
        read.push(...reader.read(bytes.subarray(at, at + length)));
      expect(read, `pieces of ${length}`).toEqual([...REPLIES, ["GET", "ä"]]);
    }
  });

  it("reads simple strings and errors", () => {
    const [text, error] = new RespReader().read(Buffer.from("+OK\r\n-ERR no\r\n"));
    expect(text).toBe("OK");
    expect(error).toEqual(new RedisError("ERR no"));
  });

  it.each(["GET /\r\n", "$x\r\n", "$-2\r\n", "*99999999\r\n"])("refuses %j", (text) => {
    expect(() => new RespReader().read(Buffer.from(text))).toThrow();
  });
});

describe("Store", () => {
  const run = (store: Store, text: string) => store.run(text.split(" "));

  it("keeps texts and hashes as Redis does", () => {
    const store = new Store();
    const answers = [
      ...["PING", "SET name shop", "GET name", "GET none", "hset cart a 1", "HSET cart a 2", "HGET cart a"],
      ...["HINCRBY cart b 3", "HINCRBY cart b 1", "HGETALL cart", "HGETALL none", "DEL cart", "DEL cart"],
    ].map((command) => run(store, command));
    expect(answers).toEqual([
      ...["PONG", "OK", "shop", null, 1, 0, "2"],
      ...[3, 4, ["a", "2", "b", "4"], [], 1, 0],
    ]);
  });

  it("refuses a command of another type, and an unknown one", () => {
    const store = new Store();
    run(store, "SET name shop");
    for (const command of ["HGET name a", "FLUSHALL", "HINCRBY cart a x"])
      expect(run(store, command)).toBeInstanceOf(RedisError);
  });
});

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FLOOR } from "../../../bench/layers/floor.ts";
import { PollPhase } from "../../../bench/layers/loop.ts";
import { PATH } from "../../../bench/layers/path.ts";
import { repeat } from "../../../bench/layers/run.ts";
import { type Ground, makeGround } from "../../../bench/layers/stack.ts";

let ground: Ground;
let poll: PollPhase;

beforeAll(async () => {
  ground = await makeGround();
  poll = await PollPhase.open();
});
afterAll(() => poll.close());

describe("the stacks of the bench of the layers", () => {
  it.each([...PATH, ...FLOOR])(
    "$id carries requests and chunks to its end and answers back",
    async (kind) => {
      const stack = await kind.open(ground);
      const given = stack.written();
      await repeat(stack, 3, "request", { isCold: false, poll });
      await repeat(stack, 3, "chunk", { isCold: false, poll });
      expect(stack.received()).toBe(3 * (80 + 64 * 1024));
      expect(stack.written() - given).toBe(3 * (1200 + 64 * 1024));
      stack.close();
    },
  );
});

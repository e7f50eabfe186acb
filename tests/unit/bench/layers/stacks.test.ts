import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PollPhase } from "../../../bench/layers/loop.ts";
import { repeat } from "../../../bench/layers/run.ts";
import { type Ground, makeGround } from "../../../bench/layers/stack.ts";
import { STACKS } from "../../../bench/layers/stacks.ts";

let ground: Ground;
let poll: PollPhase;

beforeAll(async () => {
  ground = await makeGround();
  poll = await PollPhase.open();
});
afterAll(() => poll.close());

describe("the stacks of the bench of the layers", () => {
  it.each(STACKS)("$id carries requests and chunks to its end and answers back", async (kind) => {
    const stack = await kind.open(ground);
    const given = stack.written();
    await repeat(stack, 3, "request", { isCold: false, poll });
    await repeat(stack, 3, "chunk", { isCold: false, poll });
    expect(stack.received()).toBe(3 * (80 + 64 * 1024));
    expect(stack.written() - given).toBe(3 * (1200 + 64 * 1024));
    stack.close();
  });
});

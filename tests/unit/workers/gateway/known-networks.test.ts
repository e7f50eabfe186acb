import { describe, expect, it } from "vitest";
import { KnownNetworks } from "../../../../workers/gateway/known-networks.ts";

describe("KnownNetworks", () => {
  it("asks about a network once in five seconds", async () => {
    const known = new KnownNetworks();
    let asked = 0;
    const ask = async () => {
      asked++;
      return true;
    };
    for (const now of [0, 1000, 4999]) expect(await known.has("n", now, ask)).toBe(true);
    expect(asked).toBe(1);
    await known.has("n", 5000, ask);
    expect(asked).toBe(2);
  });

  it("asks again about a network that did not exist", async () => {
    const known = new KnownNetworks();
    expect(await known.has("n", 0, async () => false)).toBe(false);
    expect(await known.has("n", 1, async () => true)).toBe(true);
  });
});

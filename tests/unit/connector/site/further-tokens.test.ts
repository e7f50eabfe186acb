import { describe, expect, it } from "vitest";
import { redeemFurther } from "../../../../connector/site/further-tokens.ts";
import { parseToken } from "../../../../connector/site/token.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import type { TokenFile } from "../../../../protocol/tokens.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

const deployment = await TestDeployment.create();
const signal = () => new AbortController().signal;

/** Tokens by the names of their files. */
function tokens(...names: string[]) {
  const all = new Map(names.map((name) => [name, parseToken(deployment.tokenFile())]));
  const nameOf = (token: TokenFile) => [...all].find(([, each]) => each === token)?.[0];
  return {
    nameOf,
    sources: names,
    read: async (name: string) => {
      const token = all.get(name);
      if (token === undefined) throw new FairleadError("token.malformed", `${name} is no token`);
      return token;
    },
  };
}

describe("redeemFurther", () => {
  it("redeems each token in order, and skips tokens that were redeemed before", async () => {
    const { nameOf, ...given } = tokens("a", "b", "c");
    const redeemed: (string | undefined)[] = [];
    await redeemFurther({
      ...given,
      redeemed: (token) => nameOf(token) === "b",
      redeem: async (token) => redeemed.push(nameOf(token)),
      log: new MemoryLog(),
      signal: signal(),
    });
    expect(redeemed).toEqual(["a", "c"]);
  });

  it("logs a refusal with its code and action, and continues with the other tokens", async () => {
    const { nameOf, ...given } = tokens("a", "b");
    const redeemed: (string | undefined)[] = [];
    const log = new MemoryLog();
    await redeemFurther({
      ...given,
      sources: ["missing", ...given.sources],
      redeemed: () => false,
      redeem: async (token) => {
        if (nameOf(token) === "a") throw new FairleadError("token.used_up");
        redeemed.push(nameOf(token));
      },
      log,
      signal: signal(),
    });
    expect(redeemed).toEqual(["b"]);
    expect(log.lines.map(({ level, fields }) => [level, fields.token, fields.code])).toEqual([
      ["warn", "missing", "token.malformed"],
      ["warn", "a", "token.used_up"],
    ]);
    expect(log.lines[1]?.fields.action).toContain("token");
  });

  it("retries a transient failure after the other tokens", async () => {
    const { nameOf, ...given } = tokens("a", "b");
    const attempts: (string | undefined)[] = [];
    await redeemFurther({
      ...given,
      redeemed: () => false,
      redeem: async (token) => {
        attempts.push(nameOf(token));
        if (nameOf(token) === "a" && attempts.length < 5) throw new FairleadError("edge.unreachable");
      },
      log: new MemoryLog(),
      signal: signal(),
      backoff: { base: 1, cap: 1 },
    });
    expect(attempts).toEqual(["a", "b", "a", "a", "a"]);
  });

  it("ends when the connector stops", async () => {
    const { nameOf: _, ...given } = tokens("a");
    const stop = new AbortController();
    await redeemFurther({
      ...given,
      redeemed: () => false,
      redeem: async () => {
        stop.abort();
        throw new FairleadError("edge.unreachable");
      },
      log: new MemoryLog(),
      signal: stop.signal,
      backoff: { base: 60_000, cap: 60_000 },
    });
  });
});

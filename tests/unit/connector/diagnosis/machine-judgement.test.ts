import { describe, expect, it } from "vitest";
import {
  judgeClock,
  judgeDescriptors,
  judgeNode,
  judgeProxy,
} from "../../../../connector/diagnosis/machine-judgement.ts";
import { FairleadError } from "../../../../protocol/errors.ts";

describe("judgeNode", () => {
  it.each([
    ["24.0.0", "pass"],
    ["26.1.0", "pass"],
    ["22.12.0", "fail"],
    ["9.0.0", "fail"],
  ])("for Node %s is %s", (version, result) => {
    expect(judgeNode(version).result).toBe(result);
  });
});

describe("judgeDescriptors", () => {
  it.each([
    [null, "pass"],
    [65_536, "pass"],
    [1024, "pass"],
    [1023, "warn"],
    [64, "warn"],
    [63, "fail"],
  ])("for a limit of %s is %s", (limit, result) => {
    expect(judgeDescriptors(limit).result).toBe(result);
  });
});

describe("judgeProxy", () => {
  const proxy = { origin: "http://proxy.test:3128", variable: "HTTPS_PROXY" };

  it("names the proxy of each address", () => {
    const { result, detail } = judgeProxy(
      [
        { place: "api", proxy },
        { place: "gateway", proxy: null },
      ],
      [],
    );
    expect(result).toBe("pass");
    expect(detail).toBe(
      "This machine reaches the API through http://proxy.test:3128 (HTTPS_PROXY), the gateway directly.",
    );
  });

  it("says that there is no proxy, or no edge", () => {
    expect(judgeProxy([{ place: "api", proxy: null }], []).detail).toBe("No proxy is used.");
    expect(judgeProxy([], []).result).toBe("skip");
  });

  it("warns of entries of NO_PROXY that exclude nothing", () => {
    const finding = judgeProxy([{ place: "api", proxy }], ["10.0.0.0/33"]);
    expect(finding.result).toBe("warn");
    expect(finding.detail).toContain("10.0.0.0/33");
  });

  it("fails with the reason of a value that cannot be used", () => {
    const error = new FairleadError("proxy.failed", "No proxy.", { action: "Correct it." });
    expect(judgeProxy(error, [])).toEqual({
      check: "proxy",
      result: "fail",
      detail: "No proxy.",
      action: "Correct it.",
    });
  });
});

describe("judgeClock", () => {
  it.each([
    [null, "skip", "did not tell"],
    [0, "pass", "agrees"],
    [-9999, "pass", "agrees"],
    [10_000, "warn", "10 seconds behind"],
    [-60_000, "warn", "60 seconds ahead of"],
    [300_000, "fail", "5 minutes behind"],
    [-3 * 86_400_000, "fail", "3 days ahead of"],
  ])("for an edge that is %s ms ahead is %s", (skew, result, text) => {
    const finding = judgeClock(skew);
    expect(finding.result).toBe(result);
    expect(finding.detail).toContain(text);
    if (result === "fail") expect(finding.action).toContain("Correct the clock of this machine");
  });
});

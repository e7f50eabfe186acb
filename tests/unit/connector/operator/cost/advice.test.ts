import { describe, expect, it } from "vitest";
import { adviceOn } from "../../../../../connector/operator/cost/advice.ts";
import { estimate } from "../../../../../connector/operator/cost/estimate.ts";
import { DEFAULT_WORKLOAD, type Workload } from "../../../../../connector/operator/cost/workload.ts";

const advice = (changes: Partial<Workload>) =>
  adviceOn(estimate({ ...DEFAULT_WORKLOAD, sites: 10, ...changes }));

describe("adviceOn", () => {
  it("says that an idle network needs nothing", () => {
    const sentences = advice({});
    expect(sentences[0]).toMatch(/^The free plan suffices\. Its nearest limit is rows written, at /);
    expect(sentences.at(-1)).toBe("Nothing needs to be done.");
  });

  it("names the limit that is passed, the price of the paid plan, and what to do", () => {
    const sentences = advice({ openPairs: 5 });
    expect(sentences[0]).toMatch(
      /^The free plan does not suffice: object duration is at \d+ % of its limit\.$/,
    );
    expect(sentences[1]).toMatch(
      /^Workers Paid costs about \$20\.\d\d a month, \$5\.00 of it the base price\.$/,
    );
    expect(sentences.at(-1)).toContain("an idle pair costs nothing");
  });

  it("says where the free plan suffices only by the documented reading", () => {
    const sentences = advice({ openPairs: 1, sites: 2 });
    expect(sentences[0]).toContain("The free plan suffices.");
    expect(sentences[1]).toMatch(
      /documentation leaves open, it does not suffice: object duration is then at 1\d\d %\.$/,
    );
  });

  it("names the dearest price where it differs noticeably", () => {
    expect(advice({ openPairs: 1, messagesPerSecond: 1000 }).join(" ")).toMatch(
      /costs about \$2\d\.\d\d a month if Cloudflare bills all/,
    );
    expect(advice({ openPairs: 45 }).join(" ")).not.toContain("if Cloudflare bills all");
  });

  it("advises fewer calls where calls use up a limit", () => {
    const sentences = advice({ calls: 90_000 });
    expect(sentences[0]).toContain("The free plan does not suffice");
    expect(sentences.at(-1)).toContain("Call the API less often");
  });
});

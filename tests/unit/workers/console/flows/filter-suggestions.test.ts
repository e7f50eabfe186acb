import { describe, expect, it } from "vitest";
import { parseFlowFilter } from "../../../../../protocol/telemetry/flow-filter.ts";
import { suggestionsFor } from "../../../../../workers/console/app/flows/filter-suggestions.ts";

const KNOWN = { service: ["web", "worker queue"], site: ["west"] };
const filters = (text: string) => suggestionsFor(text, KNOWN).map(({ filter }) => filter);

describe("suggestions for a filter", () => {
  it("name fields that begin with what is typed", () => {
    expect(filters("ser")).toEqual(["service:"]);
    expect(filters("status:5xx !si")).toEqual(["status:5xx !side:", "status:5xx !site:"]);
    expect(filters("tt")).toEqual(["ttfb>"]);
  });

  it("name values of a field, with quotes where they have spaces", () => {
    expect(filters("service:w")).toEqual(["service:web ", 'service:"worker queue" ']);
    expect(filters("outcome:")).toEqual(["outcome:failed ", "outcome:completed "]);
  });

  it("are none for an empty term, a number or a complete value", () => {
    expect([filters(""), filters("service:web "), filters("ms>1"), filters("site:west")]).toEqual([
      [],
      [],
      [],
      [],
    ]);
  });

  it("give filters that can be read", () => {
    for (const filter of [...filters("service:"), ...filters("status:"), ...filters("kind:")])
      expect(parseFlowFilter(filter)).toHaveLength(1);
  });
});

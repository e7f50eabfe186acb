import { describe, expect, it } from "vitest";
import { ownLabels } from "../../../../../connector/kubernetes/cluster/names.ts";
import { bookObject, planBook } from "../../../../../connector/kubernetes/imports/book-plan.ts";
import { metaOf, ownMeta, SITE, serviceOf } from "./objects.ts";

const range = { from: 20_000, to: 29_999 };
const needed = ["api.80.tcp"];
const stored = (data: Record<string, unknown>, labels = ownLabels(SITE)) => ({
  meta: metaOf("fairlead", "fairlead-listeners", { labels }),
  data,
});
const plan = (more: Partial<Parameters<typeof planBook>[0]>) =>
  planBook({ stored: undefined, services: [], known: new Map(), needed, range, siteId: SITE, ...more });

describe("The plan for the ConfigMap of listener ports", () => {
  it("makes one that is missing, also for no ports", () => {
    expect(plan({}).kind).toBe("create");
    expect(plan({ needed: [] }).kind).toBe("create");
  });

  it("leaves one that says enough", () => {
    expect(plan({ stored: stored({ "api.80.tcp": "20001" }) })).toMatchObject({ kind: "none", faults: [] });
  });

  it("adds a port", () => {
    const { kind, book } = plan({ stored: stored({ "db.80.tcp": "20001" }) });
    expect([kind, book.size, book.get("db.80.tcp")]).toEqual(["update", 2, 20_001]);
  });

  it("repairs one that was edited into nonsense, from the Services", () => {
    const ports = [
      {
        name: "http-80",
        protocol: "TCP",
        appProtocol: "http",
        port: 80,
        targetPort: 20_123,
        nodePort: undefined,
      },
    ];
    const services = [serviceOf(ownMeta("shop", "api"), { ports })];
    const { kind, book, faults } = plan({ stored: stored({ "api.80.tcp": "soon" }), services });
    expect([kind, faults, book.get("api.80.tcp")]).toEqual(["update", ["api.80.tcp"], 20_123]);
    expect(plan({ services }).book.get("api.80.tcp")).toBe(20_123);
  });

  it("does not touch one of somebody else", () => {
    expect(plan({ stored: stored({ "api.80.tcp": "20001" }, ownLabels("site_other")) })).toEqual({
      ...{ kind: "taken", book: new Map(), faults: [], missing: [] },
    });
  });

  it("names the ports for which the range has none left", () => {
    expect(plan({ needed: ["a.1.tcp", "b.1.tcp"], range: { from: 20_000, to: 20_000 } }).missing).toEqual([
      "b.1.tcp",
    ]);
  });

  it("keeps the labels of others", () => {
    const before = { metadata: { resourceVersion: "7", labels: { team: "a" } } };
    const at = { namespace: "fairlead", name: "fairlead-listeners", siteId: SITE };
    expect(bookObject(new Map([["api.80.tcp", 20_001]]), at, before)).toMatchObject({
      metadata: { resourceVersion: "7", labels: { team: "a", ...ownLabels(SITE) } },
      data: { "api.80.tcp": "20001" },
    });
  });
});

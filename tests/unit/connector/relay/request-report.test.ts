import { describe, expect, it } from "vitest";
import { silent } from "../../../../connector/log.ts";
import {
  authorityOf,
  MAX_PATH,
  pathOf,
  type RequestReport,
  RequestReports,
} from "../../../../connector/relay/request-report.ts";

const report: RequestReport = {
  ...{ isDoor: false, target: null },
  ...{ network: "net_1", site: "site_1", side: "listener", service: "api", peer: null, client: null },
  ...{ session: null, stream: null, protocol: "http1", method: "GET", path: "/", status: 200 },
  ...{ startedAt: 0, ms: 1, firstByteMs: 1, bytesToTarget: 10, bytesToClient: 20, outcome: "completed" },
};

describe("RequestReports", () => {
  it("gives a report to every sink until the sink is removed", () => {
    const reports = new RequestReports(silent);
    const seen: string[] = [];
    expect(reports.areRead).toBe(false);
    const removeFirst = reports.add({ requestEnded: () => seen.push("first") });
    const removeSecond = reports.add({ requestEnded: () => seen.push("second") });
    reports.requestEnded(report);
    removeFirst();
    reports.requestEnded(report);
    removeSecond();
    reports.requestEnded(report);
    expect(seen).toEqual(["first", "second", "second"]);
    expect(reports.areRead).toBe(false);
  });

  it("gives a report to the other sinks when one throws", () => {
    const errors: string[] = [];
    const reports = new RequestReports({ ...silent, error: (_fields, message) => errors.push(message) });
    const seen: RequestReport[] = [];
    reports.add({
      requestEnded: () => {
        throw new Error("full");
      },
    });
    reports.add({ requestEnded: (each) => seen.push(each) });
    reports.requestEnded(report);
    expect(seen).toEqual([report]);
    expect(errors).toEqual(["A reader of requests failed: Error: full"]);
  });
});

describe("pathOf", () => {
  it.each([
    ["/a/b?secret=1", "/a/b"],
    ["/a#b?c", "/a"],
    ["/a?b#c", "/a"],
    ["?a", ""],
    ["*", "*"],
    ["http://user:word@host:80/a?b", "/a"],
    ["http://host", "/"],
    ["http://host?a=/b", "/"],
    ["http://host?secret/rest", "/"],
    ["host:443", ""],
    ["", ""],
    ["//host/path", "//host/path"],
    [`/${"a".repeat(1000)}`, `/${"a".repeat(MAX_PATH - 1)}`],
  ])("takes the path of %s", (target, path) => {
    expect(pathOf(target)).toBe(path);
  });
});

describe("authorityOf", () => {
  it.each([
    ["shop.example:8080", "shop.example:8080"],
    ["user:word@shop.example", "shop.example"],
    ["a@b@shop", "shop"],
    ["[::1]:80", "[::1]:80"],
  ])("takes the host and port of %s", (given, authority) => {
    expect(authorityOf(given)).toBe(authority);
  });
});

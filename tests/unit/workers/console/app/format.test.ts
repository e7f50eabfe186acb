import { describe, expect, it } from "vitest";
import { fairlead } from "../../../../../workers/console/app/format/command.ts";
import {
  bytesText,
  counted,
  countText,
  failedText,
  latencyText,
  ratedText,
  rateText,
} from "../../../../../workers/console/app/format/quantity.ts";
import { searched } from "../../../../../workers/console/app/format/search.ts";
import { durationText, relativeText } from "../../../../../workers/console/app/format/time.ts";
import { merged, wants } from "../../../../../workers/console/app/pages/events/merge-events.ts";
import { parseSearch, stringifySearch } from "../../../../../workers/console/app/router/search-params.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

describe("durations", () => {
  it.each([
    [0, "0 s"],
    [59_999, "59 s"],
    [MINUTE, "1 min"],
    [HOUR + 12 * MINUTE, "1 h 12 min"],
    [2 * HOUR, "2 h"],
    [25 * HOUR, "1 d 1 h"],
    [-5, "0 s"],
  ])("of %i ms are %s", (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  it.each([
    [-3 * SECOND, "just now"],
    [-27 * SECOND, "25 s ago"],
    [-3 * MINUTE, "3 min ago"],
    [-47 * HOUR, "47 h ago"],
    [-49 * HOUR, "2 d ago"],
    [9 * HOUR, "in 9 h"],
  ])("%i ms from now are %s", (ms, text) => {
    expect(relativeText(1_000_000_000 + ms, 1_000_000_000)).toBe(text);
  });
});

describe("quantities", () => {
  it("have three digits at most, and a unit", () => {
    expect([0, 999, 1000, 12_340, 999_600, 1_500_000].map(bytesText)).toEqual([
      ...["0 B", "999 B", "1 kB", "12.3 kB", "1 MB", "1.5 MB"],
    ]);
    expect([999, 1000, 86_400].map(countText)).toEqual(["999", "1k", "86.4k"]);
    expect([0.25, 3.14, 250].map(rateText)).toEqual(["0.25/s", "3.1/s", "250/s"]);
    expect(ratedText(1200, "requests")).toBe("1.2k requests/s");
    expect([0.001, 0.02, 1].map(failedText)).toEqual(["< 1 % failed", "2 % failed", "all failed"]);
    expect([0.84, 7, 27.4, 1500].map(latencyText)).toEqual(["0.84 ms", "7.0 ms", "27 ms", "1.5 s"]);
  });

  it("agree with their noun", () => {
    expect([counted(1, "site"), counted(0, "site"), counted(2, "address", "addresses")]).toEqual([
      ...["1 site", "0 sites", "2 addresses"],
    ]);
  });
});

describe("commands", () => {
  it("quote words that a shell would read otherwise", () => {
    expect(fairlead("site", "revoke", "west", "--yes")).toBe("fairlead site revoke west --yes");
    expect(fairlead("key", "create", "it's; rm -rf")).toBe("fairlead key create 'it'\\''s; rm -rf'");
  });
});

describe("the search of lists", () => {
  const sites = [
    { name: "berlin", state: "up", services: ["orders", "mail"] },
    { name: "lyon", state: "down", services: [] },
    { name: "oslo", state: "up", services: ["search"] },
  ];
  const found = (search: string) =>
    searched(sites, search, ({ name, state, services }) => ({ name, state, service: services })).map(
      ({ name }) => name,
    );

  it.each([
    ["", ["berlin", "lyon", "oslo"]],
    ["LYON", ["lyon"]],
    ["state:up", ["berlin", "oslo"]],
    ["NOT state:up", ["lyon"]],
    ["!state:up", ["lyon"]],
    ["-state:down or", ["berlin"]],
    ["not not state:down", ["lyon"]],
    ["service:sea", ["oslo"]],
    ["state:up !service:orders", ["oslo"]],
    ["127.0.0.1:80", []],
    ["   ", ["berlin", "lyon", "oslo"]],
  ])("finds by %j", (search, names) => {
    expect(found(search)).toEqual(names);
  });
});

describe("search parameters", () => {
  it("stay texts, whatever they look like, and leave out what is empty", () => {
    const search = { q: '123 {"a"} &=?', sort: "-name", type: undefined, site: "" };
    expect(parseSearch(stringifySearch(search))).toEqual({ q: '123 {"a"} &=?', sort: "-name" });
    expect(stringifySearch({})).toBe("");
  });
});

describe("events of the log and of the live channel", () => {
  const event = (id: number, type: "site.up" | "link.down", site?: string) => ({
    ...{ id, at: "2026-11-26T12:00:00Z", type, text: `Event ${id}.`, actor: "edge" },
    ...(site === undefined ? {} : { site }),
  });

  it("are one list, newest first, with each event once", () => {
    const read = [event(1, "site.up"), event(2, "link.down")];
    const live = [{ ...event(2, "link.down"), count: 3 }, event(3, "site.up")];
    const all = merged(read, live);
    expect(all.map(({ id }) => id)).toEqual([3, 2, 1]);
    expect(all[1]).toMatchObject({ count: 3 });
  });

  it("match a type, a group of types, and a site", () => {
    const up = event(1, "site.up", "berlin");
    expect([wants(up, {}), wants(up, { type: "site.up" }), wants(up, { type: "site" })]).toEqual([
      true,
      true,
      true,
    ]);
    expect([wants(up, { type: "sit" }), wants(up, { site: "lyon" })]).toEqual([false, false]);
  });
});

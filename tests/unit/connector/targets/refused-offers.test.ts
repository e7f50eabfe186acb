import { expect, it } from "vitest";
import { Refusals } from "../../../../connector/targets/refused-offers.ts";
import { MemoryLog } from "../support/log.ts";

it("remembers what the registry told last, and logs each refusal once with what to do", () => {
  const log = new MemoryLog();
  const refusals = new Refusals(log);
  const forbidden = { name: "api", code: "service.forbidden", message: "not this name" };
  const quota = { name: "db", code: "quota.services", message: "no more services" };
  refusals.told([forbidden]);
  refusals.told([forbidden, quota]);
  refusals.told([forbidden, quota]);
  expect(refusals.list()).toEqual([forbidden, quota]);
  expect(log.lines.map(({ level, fields }) => [level, fields.service, fields.code])).toEqual([
    ["warn", "api", "service.forbidden"],
    ["warn", "db", "quota.services"],
  ]);
  expect(log.lines[0]?.fields.action).toContain("--may-offer api".slice(0, 11));
  refusals.told([quota]);
  expect(refusals.list()).toEqual([quota]);
  expect(log.lines.at(-1)).toMatchObject({ level: "info", fields: { service: "api" } });
});

it("tells which services are forbidden, not those for which the network has no room", () => {
  const told: (readonly string[])[] = [];
  const refusals = new Refusals(new MemoryLog(), (services) => told.push(services));
  const api = { name: "api", code: "service.forbidden", message: "" };
  const db = { name: "db", code: "quota.services", message: "" };
  refusals.told([db, api]);
  refusals.told([db]);
  expect(told).toEqual([["api"], []]);
});

it("logs a code of a newer edge without what to do", () => {
  const log = new MemoryLog();
  new Refusals(log).told([{ name: "api", code: "service.later", message: "who knows" }]);
  expect(log.lines[0]?.fields).toEqual({ service: "api", code: "service.later" });
});

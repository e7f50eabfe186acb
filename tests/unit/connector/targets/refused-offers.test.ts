import { describe, expect, it } from "vitest";
import { RefusedOffers } from "../../../../connector/targets/refused-offers.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

describe("RefusedOffers", () => {
  it("keeps the registry's last list, and logs each refusal once with its action", () => {
    const log = new MemoryLog();
    const refusedOffers = new RefusedOffers({ log });
    const forbidden = { name: "api", code: "service.forbidden", message: "not this name" };
    const quota = { name: "db", code: "quota.services", message: "no more services" };
    refusedOffers.replace([forbidden]);
    refusedOffers.replace([forbidden, quota]);
    refusedOffers.replace([forbidden, quota]);
    expect(refusedOffers.list()).toEqual([forbidden, quota]);
    expect(log.lines.map(({ level, fields }) => [level, fields.service, fields.code])).toEqual([
      ["warn", "api", "service.forbidden"],
      ["warn", "db", "quota.services"],
    ]);
    expect(log.lines[0]?.fields.action).toContain("--may-offer api".slice(0, 11));
    refusedOffers.replace([quota]);
    expect(refusedOffers.list()).toEqual([quota]);
    expect(log.lines.at(-1)).toMatchObject({ level: "info", fields: { service: "api" } });
  });

  it("reports the forbidden services, without services for which the network has no room", () => {
    const told: (readonly string[])[] = [];
    const refusedOffers = new RefusedOffers({
      log: new MemoryLog(),
      onForbidden: (services) => told.push(services),
    });
    const api = { name: "api", code: "service.forbidden", message: "" };
    const db = { name: "db", code: "quota.services", message: "" };
    refusedOffers.replace([db, api]);
    refusedOffers.replace([db]);
    expect(told).toEqual([["api"], []]);
  });

  it("names the services whose refusal begins, changes or ends", () => {
    const changes: (readonly string[])[] = [];
    const refusedOffers = new RefusedOffers({
      log: new MemoryLog(),
      onChange: (services) => changes.push(services),
    });
    const api = { name: "api", code: "service.forbidden", message: "" };
    const db = { name: "db", code: "quota.services", message: "full" };
    refusedOffers.replace([api, db]);
    expect(refusedOffers.of("db")).toEqual(db);
    refusedOffers.replace([db, api]);
    refusedOffers.replace([{ ...api, code: "quota.exports" }]);
    expect(changes).toEqual([
      ["api", "db"],
      ["api", "db"],
    ]);
    expect(refusedOffers.of("db")).toBeUndefined();
  });

  it("logs a code of a newer edge without an action", () => {
    const log = new MemoryLog();
    new RefusedOffers({ log }).replace([{ name: "api", code: "service.later", message: "who knows" }]);
    expect(log.lines[0]?.fields).toEqual({ service: "api", code: "service.later" });
  });
});

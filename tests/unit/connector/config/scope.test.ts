import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isExportedTo, parseSites, sameScope } from "../../../../connector/config/scope.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { randomId } from "../../../support/authority/certificates.ts";

const peerOf = (siteName: string) => ({ site: randomId("site"), siteName, boot: randomId("boot") });

describe("a scope", () => {
  it("includes every site unless it names some by name or id", () => {
    const west = peerOf("west");
    expect(isExportedTo(undefined, west)).toBe(true);
    expect(isExportedTo([], west)).toBe(false);
    expect(isExportedTo(["east", "west"], west)).toBe(true);
    expect(isExportedTo([west.site], { ...west, siteName: "renamed" })).toBe(true);
    expect(isExportedTo(["east"], west)).toBe(false);
    expect(isExportedTo(["wes", "west2", "WEST"], west)).toBe(false);
  });

  it("equals a scope with the same sites in another order", () => {
    const sites = fc.uniqueArray(fc.constantFrom("east", "west", "north", "south"));
    fc.assert(
      fc.property(sites, sites, (left, right) => {
        const same = [...left].sort().join() === [...right].sort().join();
        expect(sameScope(left, right)).toBe(same);
        expect(sameScope(left, undefined)).toBe(false);
      }),
    );
    expect(sameScope(undefined, undefined)).toBe(true);
  });

  it("is parsed from an option, which throws only FairleadErrors", () => {
    expect(parseSites("east, west")).toEqual(["east", "west"]);
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseSites(text);
        } catch (error) {
          expect(error).toBeInstanceOf(FairleadError);
        }
      }),
    );
  });
});

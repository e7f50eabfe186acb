import { expect, test } from "vitest";
import { needsRenewal, renewalTime } from "../../../../../connector/edge/credentials/renewal.ts";

const CERTIFICATE = { notBefore: 1_000, notAfter: 4_000, names: ["a", "b"] };

test("a server certificate is renewed after two thirds of its lifetime", () => {
  expect(renewalTime(CERTIFICATE)).toBe(3_000);
  expect(needsRenewal(CERTIFICATE, ["a", "b"], 2_999)).toBe(false);
  expect(needsRenewal(CERTIFICATE, ["a", "b"], 3_000)).toBe(true);
  expect(needsRenewal(CERTIFICATE, ["a", "b"], 9_000)).toBe(true);
});

test("a server certificate is renewed when its names change, but not when their order changes", () => {
  expect(needsRenewal(CERTIFICATE, ["b", "a"], 2_000)).toBe(false);
  expect(needsRenewal(CERTIFICATE, ["a"], 2_000)).toBe(true);
  expect(needsRenewal(CERTIFICATE, ["a", "c"], 2_000)).toBe(true);
  expect(needsRenewal(CERTIFICATE, ["a", "b", "c"], 2_000)).toBe(true);
});

test("a server certificate that is not valid yet, since the clock was set back, is renewed", () => {
  expect(needsRenewal(CERTIFICATE, ["a", "b"], 999)).toBe(true);
});

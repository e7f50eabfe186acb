import { expect, test } from "vitest";
import { mergeLogin } from "../../../../connector/operator/login/login.ts";
import { loginFile } from "../../../../connector/operator/login/stored-login.ts";
import { parseEdgeOrigin } from "../../../../protocol/front/edge-origin.ts";

const STORED = { url: "https://edge.example", key: "flk_stored", ca: "PEM", network: "shop" };

test("variables override the stored login one by one", () => {
  expect(mergeLogin(STORED, {}, undefined)).toEqual({ ...STORED, stored: true });
  expect(mergeLogin(STORED, { FAIRLEAD_KEY: "flk_env" }, "OTHER")).toMatchObject({
    key: "flk_env",
    ca: "OTHER",
  });
  expect(mergeLogin(STORED, { FAIRLEAD_URL: "https://edge.example/" }, undefined)).toMatchObject({
    key: "flk_stored",
  });
});

test("another address uses nothing of the stored login", () => {
  const env = { FAIRLEAD_URL: "https://other.example", FAIRLEAD_KEY: "flk_env" };
  expect(mergeLogin(STORED, env, undefined)).toEqual({
    url: "https://other.example",
    key: "flk_env",
    stored: false,
  });
  expect(() => mergeLogin(STORED, { FAIRLEAD_URL: "https://other.example" }, undefined)).toThrow(
    "There is no key",
  );
});

test("a key in the environment may end with line ends, and must have the form of a key", () => {
  const env = { FAIRLEAD_URL: "https://edge.example" };
  expect(mergeLogin(null, { ...env, FAIRLEAD_KEY: "flk_env\r\n" }, undefined).key).toBe("flk_env");
  expect(() => mergeLogin(null, { ...env, FAIRLEAD_KEY: "flk_a\nflk_b" }, undefined)).toThrow(
    "FAIRLEAD_KEY: this is not an API key.",
  );
});

test("an empty variable counts as unset", () => {
  expect(mergeLogin(STORED, { FAIRLEAD_URL: "", FAIRLEAD_KEY: "" }, undefined)).toMatchObject(STORED);
});

test("an edge's address has one form", () => {
  expect(parseEdgeOrigin("https://Edge.Example:443/")).toBe("https://edge.example");
  expect(parseEdgeOrigin("https://[::1]:8443")).toBe("https://[::1]:8443");
  for (const wrong of ["http://edge.example", "edge", "https://e/x", "https://e/?q", "https://u@e", ""]) {
    expect(parseEdgeOrigin(wrong)).toBeNull();
  }
});

test("the login file is in XDG_CONFIG_HOME unless FAIRLEAD_CONFIG names it", () => {
  expect(loginFile({ HOME: "/home/anna" })).toBe("/home/anna/.config/fairlead/login.json");
  expect(loginFile({ HOME: "/home/anna", XDG_CONFIG_HOME: "/conf" })).toBe("/conf/fairlead/login.json");
  expect(loginFile({ HOME: "/home/anna", FAIRLEAD_CONFIG: "/tmp/l.json" })).toBe("/tmp/l.json");
});

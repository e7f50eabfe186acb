import { expect, test } from "vitest";
import {
  checkVersion,
  findWrangler,
  wranglerEnvironment,
} from "../../../../../connector/operator/deploy/wrangler.ts";

test("wranglerEnvironment passes only the variables that wrangler needs", () => {
  const env = {
    PATH: "/bin",
    CLOUDFLARE_API_TOKEN: "t",
    FAIRLEAD_KEY: "flk_x",
    AWS_SECRET: "s",
    HTTPS_PROXY: "",
  };
  expect(wranglerEnvironment(env)).toEqual({
    PATH: "/bin",
    CLOUDFLARE_API_TOKEN: "t",
    CI: "1",
    NO_COLOR: "1",
    WRANGLER_SEND_METRICS: "false",
  });
});

test("checkVersion refuses a wrangler that cannot upload secrets with the Worker", () => {
  expect(checkVersion(" ⛅️ wrangler 4.164.0\n")).toBe("4.164.0");
  expect(checkVersion("5.0.1")).toBe("5.0.1");
  for (const old of ["4.76.9", "3.114.0", "", "what?"]) expect(() => checkVersion(old)).toThrow("4.77");
});

test("findWrangler runs a script with the current Node", () => {
  expect(findWrangler("/opt/wrangler").command).toEqual(["/opt/wrangler"]);
  expect(findWrangler("/opt/wrangler.js").command).toEqual([process.execPath, "/opt/wrangler.js"]);
});

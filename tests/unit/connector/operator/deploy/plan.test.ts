import { expect, test } from "vitest";
import { parseHostnames, zoneCandidates } from "../../../../../connector/operator/deploy/hostnames.ts";
import {
  byHand,
  steps,
  suspects,
  withHostname,
  wranglerWords,
} from "../../../../../connector/operator/deploy/plan.ts";
import {
  checkVersion,
  findWrangler,
  wranglerEnvironment,
} from "../../../../../connector/operator/deploy/wrangler.ts";

const DEPLOYMENT = {
  worker: "fairlead",
  api: "edge.example.com",
  gateway: "gateway.example.com",
  state: "/var/lib/fairlead",
};

test("hostnames are normalised", () => {
  expect(parseHostnames("Edge.Example.com", "gateway.example.com")).toEqual({
    api: "edge.example.com",
    gateway: "gateway.example.com",
  });
});

test.each([
  ["10.0.0.1", "gateway.example.com", "--api"],
  ["edge", "gateway.example.com", "--api"],
  ["https://edge.example.com", "gateway.example.com", "--api"],
  ["edge.example.com:443", "gateway.example.com", "--api"],
  ["edge.example.com", "-gateway.example.com", "--gateway"],
  ["edge.example.com", "gateway.workers.dev", "zone of your own"],
  ["edge.example.com", "EDGE.example.com", "two hostnames"],
])("--api %s --gateway %s is refused", (api, gateway, why) => {
  expect(() => parseHostnames(api, gateway)).toThrow(why);
});

test("the zone of a hostname may be the hostname itself, or any domain above it but a top-level one", () => {
  expect(zoneCandidates("a.b.example.co.uk")).toEqual([
    "a.b.example.co.uk",
    "b.example.co.uk",
    "example.co.uk",
    "co.uk",
  ]);
  expect(zoneCandidates("example.com")).toEqual(["example.com"]);
});

test("wrangler gets hostnames as variables and custom domains, and secrets as a file", () => {
  const words = wranglerWords(DEPLOYMENT, false);
  expect(words.join(" ")).toBe(
    "deploy index.js --no-bundle --config wrangler.toml --name fairlead --var API_URL:https://edge.example.com " +
      "--var GATEWAY_URL:https://gateway.example.com --var GATEWAY_HOSTNAME:gateway.example.com " +
      "--domain edge.example.com --domain gateway.example.com --secrets-file secrets.json",
  );
  expect(wranglerWords(DEPLOYMENT, true)).toEqual([...words, "--dry-run"]);
  const oidc = { OIDC_ISSUER: "https://id.example", OIDC_ROLES: '{"ops":"operator"}' };
  expect(wranglerWords({ ...DEPLOYMENT, oidc }, false)).toEqual(
    expect.arrayContaining(["OIDC_ISSUER:https://id.example", 'OIDC_ROLES:{"ops":"operator"}']),
  );
});

test("wrangler is told nothing of the environment but what it needs", () => {
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

test("wrangler must be new enough to upload secrets with the Worker", () => {
  expect(checkVersion(" ⛅️ wrangler 4.164.0\n")).toBe("4.164.0");
  expect(checkVersion("5.0.1")).toBe("5.0.1");
  for (const old of ["4.76.9", "3.114.0", "", "what?"]) expect(() => checkVersion(old)).toThrow("4.77");
});

test("a wrangler that is a script is run by this Node", () => {
  expect(findWrangler("/opt/wrangler").command).toEqual(["/opt/wrangler"]);
  expect(findWrangler("/opt/wrangler.js").command).toEqual([process.execPath, "/opt/wrangler.js"]);
});

test("the list of hostnames with client certificates keeps those of others, and is left alone when it is right", () => {
  expect(withHostname(["other.example.com"], "gateway.example.com")).toEqual([
    "other.example.com",
    "gateway.example.com",
  ]);
  expect(withHostname(["Gateway.example.com"], "gateway.example.com")).toBeNull();
});

test("rules that block for client certificates are named, others are not", () => {
  const certificate = "not cf.tls_client_auth.cert_verified";
  expect(
    suspects([
      { action: "block", expression: certificate, enabled: true, description: "mTLS only" },
      { action: "managed_challenge", expression: `(${certificate})`, enabled: true },
      { action: "block", expression: certificate, enabled: false, description: "off" },
      { action: "log", expression: certificate, enabled: true, description: "logged" },
      { action: "block", expression: 'ip.src eq "10.0.0.1"', enabled: true, description: "somebody" },
    ]),
  ).toEqual(["mTLS only", `(${certificate})`]);
});

test("what remains by hand says the hostnames, and the rules as far as they are known", () => {
  const all = (rules: readonly string[] | null) => byHand(DEPLOYMENT, rules).join("\n");
  expect(all([])).toContain("curl https://edge.example.com/v1/health");
  expect(all([])).not.toContain("firewall");
  expect(all(["mTLS only"])).toContain("does not apply to gateway.example.com: mTLS only");
  expect(all(null)).toContain("no firewall rule");
  expect(steps(DEPLOYMENT).join("\n")).toContain("client certificates on for gateway.example.com");
});

import { expect, test } from "vitest";
import {
  byHand,
  steps,
  suspects,
  withHostname,
  wranglerWords,
} from "../../../../../connector/operator/deploy/plan.ts";

const DEPLOYMENT = {
  worker: "fairlead",
  api: "edge.example.com",
  gateway: "gateway.example.com",
  state: "/var/lib/fairlead",
};

test("wranglerWords passes hostnames as variables and custom domains, and secrets as a file", () => {
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

test("withHostname keeps other hostnames, and returns null when the list is right", () => {
  expect(withHostname(["other.example.com"], "gateway.example.com")).toEqual([
    "other.example.com",
    "gateway.example.com",
  ]);
  expect(withHostname(["Gateway.example.com"], "gateway.example.com")).toBeNull();
});

test("suspects returns the rules that block for client certificates only", () => {
  const certificate = "not cf.tls_client_auth.cert_verified";
  expect(
    suspects([
      { action: "block", expression: certificate, enabled: true, description: "mTLS only" },
      { action: "managed_challenge", expression: `(${certificate})`, enabled: true },
      { action: "block", expression: certificate, enabled: false, description: "off" },
      { action: "log", expression: certificate, enabled: true, description: "logged" },
      { action: "block", expression: 'ip.src eq "10.0.0.1"', enabled: true, description: "address" },
    ]),
  ).toEqual(["mTLS only", `(${certificate})`]);
});

test("byHand names the hostnames, and the rules when they are known", () => {
  const all = (rules: readonly string[] | null) => byHand(DEPLOYMENT, rules).join("\n");
  expect(all([])).toContain("curl https://edge.example.com/v1/health");
  expect(all([])).not.toContain("firewall");
  expect(all(["mTLS only"])).toContain("does not apply to gateway.example.com: mTLS only");
  expect(all(null)).toContain("no firewall rule");
  expect(steps(DEPLOYMENT).join("\n")).toContain("client certificates on for gateway.example.com");
});

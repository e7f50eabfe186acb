import { describe, expect, it, vi } from "vitest";
import { FairleadError } from "../../../protocol/errors.ts";
import { type Env, readConfig, readOidc } from "../../../workers/config.ts";

const CA = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const CA_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const HASH = "a".repeat(64);
const [registry, router, directory, door, doorSocket, console, telemetry] = Array.from(
  { length: 7 },
  () => ({}),
) as Env["REGISTRY"][];

const environment = (changes: Record<string, unknown> = {}) => ({
  REGISTRY: registry,
  ROUTER: router,
  DIRECTORY: directory,
  DOOR: door,
  DOOR_SOCKET: doorSocket,
  CONSOLE: console,
  TELEMETRY: telemetry,
  API_URL: "https://edge.example",
  GATEWAY_URL: "https://edge.example:8444",
  DEPLOYMENT_CA: CA,
  DEPLOYMENT_CA_KEY: CA_KEY,
  ADMIN_KEY_HASH: HASH,
  ...changes,
});

function refusalOf(changes: Record<string, unknown>): FairleadError {
  try {
    readConfig(environment(changes));
  } catch (thrown) {
    if (thrown instanceof FairleadError) return thrown;
  }
  throw new Error("the environment was accepted");
}

describe("readConfig", () => {
  it("reads the environment of an embedded edge", () => {
    expect(readConfig(environment({ LANES_PORT: "8445" }))).toEqual({
      apiUrl: "https://edge.example",
      gatewayUrl: "https://edge.example:8444",
      former: [],
      audiences: ["https://edge.example"],
      gatewayHostname: null,
      lanePort: 8445,
      deploymentCa: CA,
      deploymentCaKey: CA_KEY,
      adminKeyHash: HASH,
      oidc: null,
      console: { mode: "none", localOrigin: null, assets: null },
      objects: { registry, router, directory, door, doorSocket, console, telemetry },
    });
  });

  it("reads the former addresses of an edge, whose audiences are accepted beside its own", () => {
    const first = { api: "https://old.example:1", links: "https://old.example:2", until: 5 };
    const second = { api: "https://edge.example", links: "https://edge.example:9", until: 7 };
    const config = readConfig(environment({ FORMER_ADDRESSES: JSON.stringify([first, second]) }));
    expect(config.former).toEqual([first, second]);
    expect(config.audiences).toEqual(["https://edge.example", "https://old.example:1"]);
    expect(refusalOf({ FORMER_ADDRESSES: "[{}]" }).message).toContain("FORMER_ADDRESSES");
  });

  it("reads the environment of an edge on Cloudflare, with hostnames and the hash in lower case", () => {
    const variables = {
      GATEWAY_URL: "https://Gateway.example",
      GATEWAY_HOSTNAME: "Gateway.Example",
      ADMIN_KEY_HASH: "A".repeat(64),
    };
    expect(readConfig(environment(variables))).toMatchObject({
      gatewayUrl: "https://gateway.example",
      gatewayHostname: "gateway.example",
      lanePort: null,
      adminKeyHash: HASH,
    });
  });

  it("treats an empty optional variable as unset", () => {
    const empty = { GATEWAY_HOSTNAME: "", LANES_PORT: "", OIDC_ISSUER: "" };
    expect(readConfig(environment(empty))).toEqual(readConfig(environment()));
  });

  it("parses an environment once", () => {
    const env = environment({
      OIDC_ISSUER: "https://login.example",
      OIDC_AUDIENCE: "us",
      OIDC_ROLES: '{"a":"admin"}',
    });
    const read = vi.spyOn(JSON, "parse");
    expect(readConfig(env)).toBe(readConfig(env));
    expect(read).toHaveBeenCalledTimes(1);
    read.mockRestore();
  });

  const wrong: [string, Record<string, unknown>, string][] = [
    ["no registry", { REGISTRY: undefined }, "REGISTRY: must be bound to the class of a Durable Object"],
    ["a text for the router", { ROUTER: "Router" }, "ROUTER: must be bound"],
    ["no address of the API", { API_URL: undefined }, "API_URL: "],
    [
      "an address of the API with a path",
      { API_URL: "https://edge.example/api" },
      "API_URL: must be https://HOST[:PORT]",
    ],
    [
      "a gateway on plain http",
      { GATEWAY_URL: "http://edge.example:8444" },
      "GATEWAY_URL: must be https://HOST[:PORT]",
    ],
    [
      "another host than the gateway's",
      { GATEWAY_HOSTNAME: "other.example" },
      "GATEWAY_HOSTNAME: must be the hostname of GATEWAY_URL",
    ],
    ["a port that is none", { LANES_PORT: "https" }, "LANES_PORT: must be a port"],
    ["a CA that is not PEM", { DEPLOYMENT_CA: "AAAA" }, "DEPLOYMENT_CA: must be PEM (BEGIN CERTIFICATE)"],
    [
      "a certificate for the CA's key",
      { DEPLOYMENT_CA_KEY: CA },
      "DEPLOYMENT_CA_KEY: must be PEM (BEGIN PRIVATE KEY)",
    ],
    [
      "a key for its hash",
      { ADMIN_KEY_HASH: "flk_admin_x" },
      "ADMIN_KEY_HASH: must be a SHA-256 in hexadecimal",
    ],
  ];
  it.each(wrong)("refuses %s and names the variable", (_title, changes, text) => {
    const { code, message } = refusalOf(changes);
    expect(code).toBe("edge.misconfigured");
    expect(message).toContain(text);
  });

  it("names each variable that is wrong, and shows no value", () => {
    const { message } = refusalOf({ API_URL: "secret-1", DEPLOYMENT_CA_KEY: "secret-2" });
    expect(message).toContain("API_URL: ");
    expect(message).toContain("DEPLOYMENT_CA_KEY: ");
    expect(message).not.toContain("secret");
  });
});

describe("readOidc", () => {
  const GOOD = {
    OIDC_ISSUER: "https://provider.example",
    OIDC_AUDIENCE: "fairlead",
    OIDC_ROLES: '{"admins":"admin","shop":{"role":"operator","networks":["shop"]}}',
  };

  it("reads the provider and what its claims give", () => {
    expect(readOidc(GOOD)).toEqual({
      issuer: "https://provider.example",
      audience: "fairlead",
      claim: "roles",
      grants: new Map([
        ["admins", { role: "admin", networks: null }],
        ["shop", { role: "operator", networks: ["shop"] }],
      ]),
      jwks: null,
      client: null,
    });
  });

  const wrong: [string, Record<string, unknown>][] = [
    ["an issuer on plain http elsewhere", { OIDC_ISSUER: "http://provider.example" }],
    ["an issuer that is no URL", { OIDC_ISSUER: "provider" }],
    ["an issuer with a password", { OIDC_ISSUER: "https://a:b@provider.example" }],
    ["an issuer with a query", { OIDC_ISSUER: "https://provider.example?a=b" }],
    ["no audience", { OIDC_AUDIENCE: "" }],
    ["no roles", { OIDC_ROLES: undefined }],
    ["roles that are not JSON", { OIDC_ROLES: "admins: admin" }],
    ["roles that map nothing", { OIDC_ROLES: "{}" }],
    ["a role that does not exist", { OIDC_ROLES: '{"a":"root"}' }],
    ["an admin of some networks", { OIDC_ROLES: '{"a":{"role":"admin","networks":["shop"]}}' }],
    ["an empty list of networks", { OIDC_ROLES: '{"a":{"role":"viewer","networks":[]}}' }],
    ["a misspelt field", { OIDC_ROLES: '{"a":{"role":"viewer","network":["shop"]}}' }],
    ["keys on plain http elsewhere", { OIDC_JWKS: "http://provider.example/keys" }],
  ];
  it.each(wrong)("returns an error that names the variable for %s", (_title, changes) => {
    const error = readOidc({ ...GOOD, ...changes });
    if (!(error instanceof FairleadError)) throw new Error("the variables were accepted");
    expect(error.code).toBe("edge.misconfigured");
    expect(error.message).toContain(Object.keys(changes)[0]);
  });

  it("leaves the rest of a configuration whole when its variables are wrong", () => {
    const config = readConfig(environment({ ...GOOD, OIDC_ROLES: "{" }));
    expect(config.oidc).toBeInstanceOf(FairleadError);
    expect(config.apiUrl).toBe("https://edge.example");
  });
});

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../../../../connector/edge/credentials/certificates.ts";
import { readOidcFile } from "../../../../../connector/edge/workerd/oidc-file.ts";
import { FairleadError } from "../../../../../protocol/errors.ts";
import { readOidc } from "../../../../../workers/config.ts";

let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-oidc-"));
});

afterEach(() => rmSync(home, { recursive: true, force: true }));

const GOOD = `
issuer: https://login.example.com/realm
audience: fairlead
claim: groups
roles:
  admins: admin
  "repo:example/x": { role: operator, networks: [shop, bank] }
`;

async function read(text: string) {
  const file = join(home, "oidc.yaml");
  writeFileSync(file, text);
  return readOidcFile(file);
}

/** The message of a refusal. */
async function refusal(attempt: Promise<unknown>, code = "request.invalid"): Promise<string> {
  const thrown = await attempt.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof FairleadError)) throw new Error(`not refused: ${thrown}`);
  expect(thrown.code).toBe(code);
  return thrown.message;
}

describe("readOidcFile", () => {
  test("returns variables that the Worker parses to the same settings", async () => {
    const { variables, authorities, onLoopback } = await read(GOOD);
    expect({ authorities, onLoopback }).toEqual({ authorities: [], onLoopback: false });
    expect(readOidc(variables)).toEqual({
      issuer: "https://login.example.com/realm",
      audience: "fairlead",
      claim: "groups",
      grants: new Map([
        ["admins", { role: "admin", networks: null }],
        ["repo:example/x", { role: "operator", networks: ["shop", "bank"] }],
      ]),
      jwks: null,
      client: null,
    });
  });

  test("passes on the client of doors, and its secret apart from the variables", async () => {
    const door = `${GOOD}door: { client: fairlead-door`;
    expect(readOidc((await read(`${door} }`)).variables)).toMatchObject({
      client: { id: "fairlead-door", secret: null },
    });
    writeFileSync(join(home, "secret"), "s3cret\n");
    const { variables, secrets } = await read(`${door}, secretFile: secret }`);
    expect(JSON.stringify(variables)).not.toContain("s3cret");
    expect(readOidc({ ...variables, ...secrets })).toMatchObject({ client: { secret: "s3cret" } });
    writeFileSync(join(home, "secret"), "\n");
    expect(await refusal(read(`${door}, secretFile: secret }`))).toContain("door.secretFile");
    expect(await refusal(read(`${door}, secretFile: none }`), "file.unreadable")).toContain("none");
  });

  test("defaults to the claim roles, and passes the URL of the keys on", async () => {
    const { variables } = await read(
      `${GOOD.replace("claim: groups\n", "")}jwks: https://login.example.com/keys`,
    );
    expect(variables).toMatchObject({ OIDC_CLAIM: "roles", OIDC_JWKS: "https://login.example.com/keys" });
  });

  test("says whether the provider is on this machine", async () => {
    for (const host of ["localhost:8080", "127.0.0.1", "[::1]:1"]) {
      const { onLoopback } = await read(GOOD.replace("https://login.example.com", `http://${host}`));
      expect(onLoopback, host).toBe(true);
    }
    expect((await read(`${GOOD}jwks: http://localhost/keys`)).onLoopback).toBe(true);
    expect((await read(GOOD.replace("login.example.com", "localhost.example.com"))).onLoopback).toBe(false);
  });

  test("reads a file of CA certificates relative to its own path", async () => {
    const one = await makeDeploymentAuthority(Date.now());
    const two = await makeDeploymentAuthority(Date.now());
    mkdirSync(join(home, "certificates"));
    writeFileSync(join(home, "certificates/ca.pem"), `comment\n${one.certificate}\n${two.certificate}`);
    const { authorities } = await read(`${GOOD}ca: certificates/ca.pem`);
    expect(authorities.map((pem) => pem.trim())).toEqual([one.certificate.trim(), two.certificate.trim()]);
  });

  test("refuses a CA file that is missing, is garbage, or has no CA", async () => {
    expect(await refusal(read(`${GOOD}ca: missing.pem`), "file.unreadable")).toContain("missing.pem");
    const authority = await makeDeploymentAuthority(Date.now());
    const leaf = await makeServerCertificate({ authority, names: ["localhost"], now: Date.now() });
    const garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for (const text of ["", "hello", garbage, leaf.certificate, `${authority.certificate}${garbage}`]) {
      writeFileSync(join(home, "ca.pem"), text);
      expect(await refusal(read(`${GOOD}ca: ca.pem`))).toContain("ca:");
    }
  });

  const bad: [string, string, string][] = [
    ["is no YAML", "{", "YAML"],
    ["is empty", "", "expected object"],
    ["is a list", "- a", "expected object"],
    ["has no issuer", GOOD.replace(/issuer.*\n/, ""), "issuer"],
    ["has plain http elsewhere", GOOD.replace("https://login", "http://login"), "https"],
    ["has an issuer that is no URL", GOOD.replace("https://login.example.com/realm", "login"), "issuer"],
    ["has no audience", GOOD.replace(/audience.*\n/, ""), "audience"],
    ["maps nothing", GOOD.replace(/roles:[\s\S]*/, "roles: {}"), "roles"],
    ["has a role that does not exist", GOOD.replace(": admin", ": root"), "roles.admins"],
    ["limits an admin to networks", GOOD.replace("operator", "admin"), "repo:example/x"],
    ["has an unknown field", `${GOOD}secret: x`, "secret"],
  ];
  for (const [title, text, says] of bad) {
    test(`refuses a file that ${title}, and names the field`, async () => {
      expect(await refusal(read(text))).toContain(says);
    });
  }

  test("refuses a file that does not exist", async () => {
    expect(await refusal(readOidcFile(join(home, "none.yaml")), "file.unreadable")).toContain("none.yaml");
  });
});

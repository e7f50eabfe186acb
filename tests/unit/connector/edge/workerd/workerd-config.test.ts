import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type EdgeConfig,
  quote,
  workerdConfig,
} from "../../../../../connector/edge/workerd/workerd-config.ts";

const EDGE: EdgeConfig = {
  code: "export default {};",
  compatibilityDate: "2026-11-01",
  compatibilityFlags: ["nodejs_compat"],
  objects: "/var/lib/fairlead/objects",
  sockets: { api: "/var/lib/fairlead/front/api", gateway: "/var/lib/fairlead/front/gateway" },
  lanes: { host: "::1", port: 8445 },
  apiUrl: "https://edge.example:8443",
  gatewayUrl: "https://edge.example:8444",
  deploymentCa: "-----BEGIN CERTIFICATE-----\nCA\n-----END CERTIFICATE-----\n",
  server: { certificate: "CERTIFICATE", privateKey: "SERVER KEY" },
};

/** Reads a Cap'n Proto text literal. */
function unquote(literal: string): string {
  const bytes: number[] = [];
  for (let at = 1; at < literal.length - 1; at++) {
    if (literal[at] !== "\\") bytes.push(literal.charCodeAt(at));
    else if (literal[++at] === "n") bytes.push(0x0a);
    else if (literal[at] === "x") {
      bytes.push(Number.parseInt(literal.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(literal.charCodeAt(at));
  }
  return new TextDecoder().decode(Uint8Array.from(bytes));
}

describe("workerdConfig", () => {
  test("quotes any text so that it is read back unchanged", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const literal = quote(text);
        expect(unquote(literal)).toBe(text);
        expect(literal.slice(1, -1).replaceAll(/\\(x[0-9a-f]{2}|.)/g, "")).toMatch(/^[\x20-\x7e]*$/);
        expect(literal.slice(1, -1).replaceAll(/\\(x[0-9a-f]{2}|.)/g, "")).not.toContain('"');
      }),
    );
  });

  const socketsOf = (text: string) =>
    text
      .slice(text.indexOf("sockets = ["))
      .split(/\n {4}\(name = "/)
      .slice(1);

  test("leads only the gateway's and the lanes' sockets to the Gateway entrypoint, each with its proof of certificates", () => {
    const [api = "", gateway = "", lanes = "", ...more] = socketsOf(workerdConfig(EDGE));
    expect(more).toEqual([]);
    expect(api).toContain(
      'address = "unix:/var/lib/fairlead/front/api", http = (cfBlobHeader = "fairlead-cf"',
    );
    expect(api).toContain('service = "edge"');
    expect(api).not.toContain("entrypoint");
    expect(gateway).toContain(
      'address = "unix:/var/lib/fairlead/front/gateway", http = (cfBlobHeader = "fairlead-cf"',
    );
    expect(gateway).toContain(
      'entrypoint = "Gateway", props = (json = "{\\"reportsClientCertificates\\":true}")',
    );
    expect(lanes).toContain('address = "[::1]:8445"');
    expect(lanes).toContain('requireClientCerts = true, trustedCertificates = ["-----BEGIN CERTIFICATE-----');
    expect(lanes).toContain(
      'entrypoint = "Gateway", props = (json = "{\\"enforcesClientCertificates\\":true}")',
    );
    expect(lanes).not.toContain("cfBlobHeader");
  });

  test("has no TLS socket and no private key when lanes go through the front", () => {
    const text = workerdConfig({ ...EDGE, lanes: null });
    expect(socketsOf(text)).toHaveLength(2);
    expect(text).not.toContain("SERVER KEY");
    expect(text).not.toContain("LANES_PORT");
    expect(text).not.toContain("enforcesClientCertificates");
  });

  test("takes secrets from the environment", () => {
    const text = workerdConfig(EDGE);
    for (const name of ["DEPLOYMENT_CA_KEY", "ADMIN_KEY_HASH"]) {
      expect(text).toContain(`(name = "${name}", fromEnvironment = "${name}")`);
    }
  });

  test("keeps the names that stored data depends on", () => {
    const text = workerdConfig(EDGE);
    for (const name of ["Registry", "Router", "Directory"]) {
      expect(text).toContain(`className = "${name}", uniqueKey = "fairlead-${name}", enableSql = true`);
      expect(text).toContain(
        `(name = "${name.toUpperCase()}", durableObjectNamespace = (className = "${name}"))`,
      );
    }
  });

  test("lets the Worker connect nowhere without a provider of identity tokens", () => {
    expect(workerdConfig(EDGE)).toContain('(name = "internet", network = (allow = []))');
    expect(workerdConfig(EDGE)).not.toContain("OIDC");
  });

  test("passes the provider's settings on, and allows this machine only for a provider on it", () => {
    const oidc = {
      variables: { OIDC_ISSUER: 'https://a.example/"' },
      secrets: { OIDC_CLIENT_SECRET: "never in the file" },
      authorities: ["PEM\n"],
      onLoopback: false,
    };
    const text = workerdConfig({ ...EDGE, oidc });
    expect(text).toContain('(name = "OIDC_ISSUER", text = "https://a.example/\\"")');
    expect(text).toContain('(name = "OIDC_CLIENT_SECRET", fromEnvironment = "OIDC_CLIENT_SECRET")');
    expect(text).not.toContain("never in the file");
    expect(text).toContain('allow = ["public", "private"], deny = ["local"]');
    expect(text).toContain('trustBrowserCas = true, trustedCertificates = ["PEM\\n"]');
    expect(workerdConfig({ ...EDGE, oidc: { ...oidc, onLoopback: true } })).toContain("deny = []");
  });
});

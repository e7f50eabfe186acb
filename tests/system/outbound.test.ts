/** Hosts that the Worker's fetch may reach: the identity provider of the OIDC file, and no other. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { EmbeddedEdge } from "../../connector/edge/embedded-edge.ts";
import { readOidcFile } from "../../connector/edge/workerd/oidc-file.ts";
import { get, STUB_EDGE } from "../support/edge/edge-client.ts";
import { Provider } from "../support/edge/identity-provider.ts";

let home: string;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-outbound-"));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  rmSync(home, { recursive: true, force: true });
});

async function startProvider(options: { tls?: boolean } = {}): Promise<Provider> {
  const provider = await Provider.start(options);
  cleanups.push(() => provider.stop());
  return provider;
}

/** Starts an edge whose Worker reports the status of a fetch, or null. */
async function startEdge(file?: string) {
  const path = join(home, "oidc.yaml");
  if (file !== undefined) writeFileSync(path, file);
  const edge = new EmbeddedEdge({
    state: join(home, "edge"),
    api: "127.0.0.1:0",
    gateway: "127.0.0.1:0",
    bundle: STUB_EDGE,
    oidc: file === undefined ? undefined : await readOidcFile(path),
  });
  cleanups.push(() => edge.stop());
  const { apiUrl, caFile } = await edge.start();
  const ca = readFileSync(caFile, "utf8");
  return async (url: string): Promise<number | null> => {
    const answer = await get(`${apiUrl}/reach?url=${encodeURIComponent(url)}`, { ca });
    return JSON.parse(answer.body).status;
  };
}

const yaml = (issuer: string, more = "") =>
  `issuer: ${issuer}\naudience: fairlead-edge\nroles: { admins: admin }\n${more}`;

describe("The Worker's fetch", () => {
  it("reaches nothing without a provider", async () => {
    const provider = await startProvider();
    const reach = await startEdge();
    expect(await reach(`${new URL(provider.issuer).origin}/keys`)).toBeNull();
    expect(provider.asked).toEqual([]);
  });

  it("does not reach this machine when the provider is elsewhere", async () => {
    const here = await startProvider();
    const reach = await startEdge(yaml("https://provider.example"));
    const { port } = new URL(here.issuer);
    for (const host of ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433"]) {
      expect(await reach(`http://${host}:${port}/keys`), host).toBeNull();
    }
    expect(here.asked).toEqual([]);
  });

  it("reaches a provider on this machine that the file names", async () => {
    const provider = await startProvider();
    const reach = await startEdge(yaml(provider.issuer));
    expect(await reach(`${new URL(provider.issuer).origin}/keys`)).toBe(200);
  });

  it("reaches a provider over TLS only with a certificate of a CA that the system or the file trusts", async () => {
    const provider = await startProvider({ tls: true });
    const keys = `${new URL(provider.issuer).origin}/keys`;
    const untrusting = await startEdge(yaml(provider.issuer));
    expect(await untrusting(keys)).toBeNull();
    await cleanups.pop()?.();
    writeFileSync(join(home, "provider-ca.pem"), provider.ca ?? "");
    const trusting = await startEdge(yaml(provider.issuer, "ca: provider-ca.pem\n"));
    expect(await trusting(keys)).toBe(200);
  });
});

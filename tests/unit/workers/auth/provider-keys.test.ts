import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { KEY_TIMES, ProviderKeys } from "../../../../workers/auth/provider-keys.ts";
import { codeOf } from "../../../support/authority/test-site.ts";
import { ServedClock } from "../../../support/clock/served-clock.ts";
import { makeSigningKey, Provider } from "../../../support/edge/identity-provider.ts";

let provider: Provider;
let now: number;

beforeEach(async () => {
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
  provider = await Provider.start();
  now = 1_000_000_000;
});

afterEach(async () => {
  vi.restoreAllMocks();
  await provider.stop();
});

const origin = () => new URL(provider.issuer).origin;

function makeKeys(parts: { issuer?: string; jwks?: string | null } = {}) {
  return new ProviderKeys({ issuer: provider.issuer, jwks: `${origin()}/keys`, now: () => now, ...parts });
}

const TOKEN = { payload: "", signature: "" };

/** Looks for the key with an id. @returns "found", or the code of the error */
async function look(keys: ProviderKeys, kid = provider.keys[0]?.kid): Promise<string> {
  const found = await codeOf(Promise.resolve(keys.find({ alg: "ES256", kid: kid ?? "" }, TOKEN)));
  return found === "none" ? "found" : found;
}

describe("ProviderKeys", () => {
  it("finds keys through the issuer's discovery document, or at the configured URL", async () => {
    expect(await look(makeKeys({ jwks: null }))).toBe("found");
    expect(provider.asked).toEqual(["/realm/.well-known/openid-configuration", "/keys"]);
    provider.asked.length = 0;
    expect(await look(makeKeys())).toBe("found");
    expect(provider.asked).toEqual(["/keys"]);
  });

  it("fetches keys once while they are fresh, and again when they are old", async () => {
    const keys = makeKeys();
    for (let times = 0; times < 5; times++) await look(keys);
    now += KEY_TIMES.fresh - 1;
    await look(keys);
    expect(provider.asked).toHaveLength(1);
    now += 1;
    await look(keys);
    expect(provider.asked).toHaveLength(2);
  });

  it("fetches keys again for an unknown key, at a limited rate", async () => {
    const keys = makeKeys();
    await look(keys);
    expect(await look(keys, "unknown")).toBe("ERR_JWKS_NO_MATCHING_KEY");
    expect(provider.asked).toHaveLength(1);
    now += KEY_TIMES.unknownKey;
    provider.keys.unshift(await makeSigningKey());
    expect(await look(keys)).toBe("found");
    for (let times = 0; times < 5; times++) await look(keys, "unknown");
    expect(provider.asked).toHaveLength(2);
  });

  it("refuses a withdrawn key once the keys were fetched again", async () => {
    const keys = makeKeys();
    const [old] = provider.keys;
    expect(await look(keys, old?.kid)).toBe("found");
    provider.keys = [await makeSigningKey()];
    now += KEY_TIMES.fresh;
    expect(await look(keys, old?.kid)).toBe("ERR_JWKS_NO_MATCHING_KEY");
  });

  it("uses old keys for an hour while the provider cannot be reached", async () => {
    const keys = makeKeys();
    await look(keys);
    provider.instead = () => "cut";
    now += KEY_TIMES.fresh;
    expect(await look(keys)).toBe("found");
    now += KEY_TIMES.stale - KEY_TIMES.fresh - 1;
    expect(await look(keys)).toBe("found");
    now += KEY_TIMES.retry + 1;
    expect(await look(keys)).toBe("oidc.unreachable");
  });

  it("waits before it asks an unreachable provider again", async () => {
    const keys = makeKeys();
    provider.instead = () => ({ status: 500 });
    for (let times = 0; times < 5; times++) expect(await look(keys)).toBe("oidc.unreachable");
    expect(provider.asked).toHaveLength(1);
    provider.instead = null;
    now += KEY_TIMES.retry;
    expect(await look(keys)).toBe("found");
  });

  it("does not wait for a fetch of another request", async () => {
    const unanswered: Promise<Response> = new Promise(() => {});
    let asked = 0;
    const keys = new ProviderKeys({
      issuer: provider.issuer,
      jwks: `${origin()}/keys`,
      now: () => now,
      fetch: (url, init) => {
        asked += 1;
        return asked === 2 || asked === 3 ? unanswered : fetch(url, init);
      },
    });
    expect(await look(keys)).toBe("found");
    now += KEY_TIMES.fresh;
    void keys.find({ alg: "ES256", kid: "lost" }, TOKEN);
    expect(asked).toBe(2);
    // Other requests use the cached keys meanwhile, and fetch again when none arrive.
    expect(await look(keys)).toBe("found");
    expect(asked).toBe(2);
    now += KEY_TIMES.timeout;
    void keys.find({ alg: "ES256", kid: "lost" }, TOKEN);
    expect(asked).toBe(3);
    now += KEY_TIMES.timeout;
    expect(await look(keys)).toBe("found");
    expect(asked).toBe(4);
  });
});

describe("ProviderKeys on a response of the provider", () => {
  const bad: [string, () => Parameters<typeof answerWith>[0]][] = [
    ["is no JSON", () => ({ status: 200, body: "<html>" })],
    ["is no key set", () => ({ status: 200, body: '{"keys":{}}' })],
    ["is an error", () => ({ status: 404 })],
    ["is a redirect", () => ({ status: 302, location: `${origin()}/keys` })],
    ["is larger than any key set", () => ({ status: 200, body: `{"keys":[],"x":"${"a".repeat(300_000)}"}` })],
    ["is cut", () => "cut"],
  ];
  function answerWith(answer: { status: number; body?: string; location?: string } | "cut") {
    provider.instead = () => answer;
  }
  for (const [title, answer] of bad) {
    it(`refuses a response that ${title}`, async () => {
      answerWith(answer());
      expect(await look(makeKeys())).toBe("oidc.unreachable");
      expect(await look(makeKeys({ jwks: null }))).toBe("oidc.unreachable");
    });
  }

  const discovery: [string, () => object][] = [
    ["is of another issuer", () => ({ issuer: "https://other.example", jwks_uri: `${origin()}/keys` })],
    ["lacks the URL of the keys", () => ({ issuer: provider.issuer })],
    [
      "has its keys on plain http elsewhere",
      () => ({ issuer: provider.issuer, jwks_uri: "http://other.example" }),
    ],
    ["names keys in a file", () => ({ issuer: provider.issuer, jwks_uri: "file:///etc/passwd" })],
  ];
  for (const [title, document] of discovery) {
    it(`refuses a discovery document that ${title}`, async () => {
      provider.instead = (path) =>
        path.includes("well-known") ? { status: 200, body: JSON.stringify(document()) } : undefined;
      expect(await look(makeKeys({ jwks: null }))).toBe("oidc.unreachable");
      expect(provider.asked).not.toContain("/keys");
    });
  }

  it("refuses keys on loopback from a provider elsewhere", async () => {
    const issuer = "https://provider.example";
    const fetched: string[] = [];
    const keys = new ProviderKeys({
      issuer,
      jwks: null,
      fetch: async (url) => {
        fetched.push(url);
        return Response.json({ issuer, jwks_uri: `${origin()}/keys` });
      },
    });
    expect(await look(keys)).toBe("oidc.unreachable");
    expect(fetched).toHaveLength(1);
  });

  it("gives up after five seconds", async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const jwks = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/keys`;
    try {
      using served = new ServedClock();
      expect(await look(makeKeys({ jwks }))).toBe("oidc.unreachable");
      expect(served.ms).toBeLessThan(KEY_TIMES.timeout + 2_000);
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });
});

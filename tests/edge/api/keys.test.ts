import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { NetworkEvent } from "../../../protocol/api/events.ts";
import { ApiKey, CreatedKey } from "../../../protocol/api/keys.ts";
import { TokenBuckets } from "../../../workers/limits/token-buckets.ts";
import { call, createNetwork, errorOf, expectAnswer } from "../../support/workerd/client.ts";
import { Provider } from "../../support/workerd/identity-provider.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

afterEach(async () => {
  vi.restoreAllMocks();
  await resetEdge();
});

let clients = 0;
/** A new client address, since limits count by client. */
const freshAddress = () => `203.0.113.${++clients}`;

const makeKey = (body: object) => expectAnswer(CreatedKey, call("POST", "/v1/keys", { body }));
const edgeEvents = (query = "") =>
  expectAnswer(z.array(NetworkEvent), call("GET", `/v1/events?limit=1000${query}`));
const networkEvents = (query = "") =>
  expectAnswer(z.array(NetworkEvent), call("GET", `/v1/networks/shop/events?limit=1000${query}`));

describe("a key", () => {
  it("is listed with its last use", async () => {
    const { id, key } = await makeKey({ name: "ci", role: "viewer" });
    const listed = () => expectAnswer(z.array(ApiKey), call("GET", "/v1/keys"));
    expect(await listed()).toMatchObject([{ id, lastUsedAt: null }]);
    const before = Date.now();
    await call("GET", "/v1/networks", { key });
    const [used] = await listed();
    expect(Date.parse(used?.lastUsedAt ?? "")).toBeGreaterThanOrEqual(before);
  });

  it("is refused as soon as it is deleted", async () => {
    const { id, key } = await makeKey({ name: "ci", role: "viewer" });
    expect((await call("GET", "/v1/networks", { key })).status).toBe(200);
    expect((await call("DELETE", `/v1/keys/${id}`)).status).toBe(200);
    expect(await errorOf(call("GET", "/v1/networks", { key }))).toEqual([401, "key.invalid"]);
    expect(await errorOf(call("DELETE", `/v1/keys/${id}`))).toEqual([404, "key.unknown"]);
  });

  it("is not created for networks that do not exist", async () => {
    const body = { name: "ci", role: "viewer", networks: ["none"] };
    expect(await errorOf(call("POST", "/v1/keys", { body }))).toEqual([404, "network.unknown"]);
  });

  it("has no access to a new network with the name of its deleted network", async () => {
    await createNetwork("shop");
    const { key } = await makeKey({ name: "ci", role: "operator", networks: ["shop"] });
    await call("DELETE", "/v1/networks/shop");
    await createNetwork("shop");
    expect(await errorOf(call("GET", "/v1/networks/shop", { key }))).toEqual([403, "key.forbidden"]);
  });
});

describe("the edge's event log", () => {
  it("names the caller of every change", async () => {
    const { id, key } = await makeKey({ name: "ann", role: "admin" });
    await expectAnswer(z.unknown(), call("POST", "/v1/networks", { key, body: { name: "shop" } }));
    const path = "/v1/networks/shop";
    await call("POST", `${path}/tokens`, { key, body: {} });
    await call("POST", `${path}/sites`, { key, body: { name: "west" } });
    await call("PATCH", `${path}/sites/west`, { key, body: { name: "far-west" } });
    await call("POST", `${path}/revoke-access`, { key, body: {} });
    await call("PATCH", `${path}/quotas`, { key, body: { sites: 5 } });
    await call("POST", `${path}/sites/far-west/revoke`, { key });
    await call("DELETE", `${path}/sites/far-west`, { key });
    const own = await networkEvents();
    const byAnn = own.filter(({ actor }) => actor === "ann").map(({ type }) => type);
    for (const type of [
      "network.created",
      "token.created",
      "site.created",
      "site.changed",
      "access.revoked",
      "network.quotas",
      "site.deleted",
    ]) {
      expect(byAnn).toContain(type);
    }
    await call("DELETE", path, { key });
    await call("DELETE", `/v1/keys/${id}`, { key });
    expect((await edgeEvents()).map(({ type, actor }) => [type, actor])).toEqual([
      ["key.created", "admin"],
      ["network.created", "ann"],
      ["network.deleted", "ann"],
      ["key.revoked", "ann"],
    ]);
  });

  it("names the caller that an identity token proves", async () => {
    const provider = await Provider.start();
    const body = { name: "shop" };
    const token = await provider.token(["admin"]);
    await expectAnswer(
      z.unknown(),
      call("POST", "/v1/networks", { key: token, body, changes: provider.variables }),
    );
    const [made] = await edgeEvents();
    expect(made).toMatchObject({ type: "network.created", actor: "ann@example.com (oidc 7)" });
  });
});

describe("an identity token", () => {
  it("is refused and logged with its code when it is forged, expired or for another audience", async () => {
    const provider = await Provider.start();
    const stranger = await Provider.start();
    vi.restoreAllMocks();
    const own = await Provider.start();
    const changes = own.variables;
    // The log takes few refusals a minute, and other files that run in this process cause some.
    vi.spyOn(TokenBuckets.prototype, "take").mockReturnValue(0);
    const ask = (key: string) =>
      errorOf(call("GET", "/v1/networks", { key, changes, address: freshAddress() }));
    const forged = await stranger.token(["admin"], { iss: own.issuer });
    expect(await ask(forged)).toEqual([401, "oidc.invalid"]);
    expect(await ask(await provider.token(["admin"]))).toEqual([401, "oidc.invalid"]);
    const now = Math.floor(Date.now() / 1000);
    expect(await ask(await own.token(["admin"], { exp: now - 120 }))).toEqual([401, "oidc.expired"]);
    expect(await ask(await own.token(["admin"], { aud: "other" }))).toEqual([401, "oidc.invalid"]);
    expect(await ask(await own.token(["nobody"]))).toEqual([403, "oidc.no_role"]);
    const unsigned = [
      { alg: "none" },
      { iss: own.issuer, aud: "https://edge.test", sub: "1", groups: ["admin"] },
    ]
      .map((part) => btoa(JSON.stringify(part)).replaceAll("=", ""))
      .join(".");
    expect(await ask(`${unsigned}.`)).toEqual([401, "oidc.invalid"]);
    const refusals = await edgeEvents("&type=key.refused");
    expect(refusals.map(({ code }) => code)).toEqual(
      expect.arrayContaining(["oidc.invalid", "oidc.expired", "oidc.no_role"]),
    );
  });

  it("is refused while the provider cannot be reached, when keys still work", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => undefined);
    const provider = await Provider.start();
    provider.reachable = false;
    const changes = provider.variables;
    const key = await provider.token(["admin"]);
    expect(await errorOf(call("GET", "/v1/networks", { key, changes }))).toEqual([503, "oidc.unreachable"]);
    expect((await call("GET", "/v1/networks", { changes })).status).toBe(200);
  });

  it("is refused without details when the variables are wrong, when keys still work", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const provider = await Provider.start();
    const changes = { ...provider.variables, OIDC_ROLES: "{" };
    const response = await call("GET", "/v1/networks", { key: await provider.token(["admin"]), changes });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("OIDC");
    expect(String(logged.mock.calls[0]?.[0])).toContain("OIDC_ROLES");
    expect((await call("GET", "/v1/networks", { changes })).status).toBe(200);
  });
});

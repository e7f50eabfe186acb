import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { CONSOLE_COOKIE } from "../../../protocol/api/console.ts";
import { MAX_BODY } from "../../../protocol/api/envelope.ts";
import { Health } from "../../../protocol/api/health.ts";
import { ApiKey } from "../../../protocol/api/keys.ts";
import { Network } from "../../../protocol/api/networks.ts";
import { Token } from "../../../protocol/api/tokens.ts";
import { TELEMETRY_PATH } from "../../../protocol/telemetry/messages.ts";
import { LANE_PATH, UPLINK_PATH } from "../../../protocol/uplink/assertions.ts";
import { ROLES } from "../../../workers/auth/roles.ts";
import {
  ask,
  call,
  countObjects,
  createKey,
  createNetwork,
  createToken,
  errorOf,
  expectAnswer,
} from "../../support/workerd/client.ts";
import { API_URL, GATEWAY_URL } from "../../support/workerd/environment.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

afterEach(() => resetEdge());

interface DescribedOperation {
  security?: Record<string, unknown>[];
  servers?: { url: string }[];
  "x-fairlead-messages"?: Record<string, { $ref: string }>;
}

interface Described {
  paths: Record<string, Record<string, DescribedOperation>>;
  components: { schemas: Record<string, unknown>; securitySchemes: Record<string, unknown> };
}
const describeApi = async () =>
  (await (await call("GET", "/v1/openapi.json", { key: null })).json()) as Described;

describe("GET /v1/health and GET /v1/openapi.json", () => {
  it("need no key", async () => {
    expect(await expectAnswer(Health, call("GET", "/v1/health", { key: null }))).toMatchObject({
      status: "ok",
    });
    const described = await describeApi();
    const ofApi = Object.entries(described.paths).filter(([, { get }]) => get?.servers === undefined);
    expect(ofApi.map(([path]) => path).sort()).toEqual(
      [...new Set(Object.keys(ROLES).map((operation) => operation.split(" ")[1] ?? ""))].sort(),
    );
  });

  it("describe the console's session, and the WebSockets of viewers and connectors", async () => {
    const { paths, components } = await describeApi();
    for (const operation of Object.values(paths).flatMap((methods) => Object.values(methods))) {
      const named = (operation.security ?? []).flatMap((scheme) => Object.keys(scheme));
      for (const scheme of named) expect(components.securitySchemes).toHaveProperty(scheme);
      for (const { $ref } of Object.values(operation["x-fairlead-messages"] ?? {})) {
        expect(components.schemas).toHaveProperty($ref.replace("#/components/schemas/", ""));
      }
    }
    expect(components.securitySchemes.session).toMatchObject({ in: "cookie", name: CONSOLE_COOKIE });
    expect(paths["/v1/networks/{network}/live/traffic"]?.get).toHaveProperty("x-fairlead-messages");
    for (const path of [UPLINK_PATH, LANE_PATH, TELEMETRY_PATH]) {
      expect(paths[path]?.get?.servers).toEqual([{ url: GATEWAY_URL }]);
    }
  });

  it("describe the schemas of the protocol", async () => {
    const described = await describeApi();
    for (const name of [
      "Network",
      "Token",
      "CreatedToken",
      "Site",
      "NetworkStatus",
      "Event",
      "Error",
      "Admission",
    ]) {
      expect(described.components.schemas).toHaveProperty(name);
    }
  });
});

describe("a key", () => {
  it("has no access to another network than its own, and does not reveal whether one exists", async () => {
    await createNetwork("shop");
    await createNetwork("bank");
    const key = await createKey("operator", ["shop"]);
    expect((await call("GET", "/v1/networks/shop", { key })).status).toBe(200);
    expect(await errorOf(call("GET", "/v1/networks/bank", { key }))).toEqual([403, "key.forbidden"]);
    expect(await errorOf(call("GET", "/v1/networks/none", { key }))).toEqual([403, "key.forbidden"]);
    const networks = await expectAnswer(z.array(Network), call("GET", "/v1/networks", { key }));
    expect(networks.map(({ name }) => name)).toEqual(["shop"]);
  });

  it("is refused when it is wrong, malformed or deleted", async () => {
    const key = await createKey("viewer");
    const good = await call("GET", "/v1/networks", { key });
    expect(good.status).toBe(200);
    const [listed] = await expectAnswer(z.array(ApiKey), call("GET", "/v1/keys"));
    await call("DELETE", `/v1/keys/${listed?.id}`);
    const wrong = [key, `flk_admin_${"b".repeat(43)}`, "x", "flk_admin_", key.slice(0, -1), `${key}a`];
    for (const text of wrong) {
      expect(await errorOf(call("GET", "/v1/networks", { key: text }))).toEqual([401, "key.invalid"]);
    }
  });

  it("is limited after too many failures, for that client only", async () => {
    stopClock();
    const address = "2001:db8:1:2::1";
    const key = `flk_admin_${"b".repeat(43)}`;
    let last = await call("GET", "/v1/networks", { key, address });
    for (let tries = 0; tries < 40 && last.status === 401; tries++)
      last = await call("GET", "/v1/networks", { key, address });
    expect(Number(last.headers.get("retry-after"))).toBeGreaterThan(0);
    expect(await errorOf(last)).toEqual([429, "request.limited"]);
    const neighbour = call("GET", "/v1/networks", { key, address: "2001:db8:1:2:ffff::9" });
    expect(await errorOf(neighbour)).toEqual([429, "request.limited"]);
    expect((await call("GET", "/v1/networks", { address: "2001:db8:1:3::1" })).status).toBe(200);
  });

  it("cannot have the role admin in some networks only", async () => {
    await createNetwork("shop");
    const response = call("POST", "/v1/keys", { body: { name: "a", role: "admin", networks: ["shop"] } });
    expect(await errorOf(response)).toEqual([400, "request.invalid"]);
  });
});

describe("the routes of /v1/networks", () => {
  it("create, list and read a network by name and id, and delete it with its registry", async () => {
    const shop = await createNetwork("shop");
    expect(await expectAnswer(Network, call("GET", `/v1/networks/${shop.id}`))).toEqual(shop);
    expect(await expectAnswer(z.array(Network), call("GET", "/v1/networks"))).toEqual([shop]);
    await createToken("shop");
    expect(await expectAnswer(Network, call("DELETE", "/v1/networks/shop"))).toEqual(shop);
    expect(await errorOf(call("GET", "/v1/networks/shop"))).toEqual([404, "network.unknown"]);
    expect(await expectAnswer(z.array(Network), call("GET", "/v1/networks"))).toEqual([]);
    const again = await createNetwork("shop");
    expect(again.id).not.toBe(shop.id);
    expect(await expectAnswer(z.array(Token), call("GET", "/v1/networks/shop/tokens"))).toEqual([]);
  });

  it("accept only a free name that is a label and no id", async () => {
    await createNetwork("shop");
    const create = (name: unknown) => errorOf(call("POST", "/v1/networks", { body: { name } }));
    expect(await create("shop")).toEqual([409, "network.taken"]);
    for (const name of ["", "Shop", "-a", "a".repeat(64), 7, null, `n${"0".repeat(26)}`]) {
      expect(await create(name)).toEqual([400, "request.invalid"]);
    }
  });
});

describe("a page of events", () => {
  it("says in headers whether there is more, where the log ends, and when it began", async () => {
    await createNetwork("shop");
    await call("POST", "/v1/networks/shop/tokens", { body: { uses: 1, expirySeconds: 60 } });
    const newest = await call("GET", "/v1/networks/shop/events?limit=1");
    expect(await newest.json()).toMatchObject([{ id: 2, type: "token.created" }]);
    expect([newest.headers.get("fairlead-more"), newest.headers.get("fairlead-newest")]).toEqual([
      "true",
      "2",
    ]);
    const first = await call("GET", "/v1/networks/shop/events?after=0&limit=1");
    expect(await first.json()).toMatchObject([{ id: 1, type: "network.created" }]);
    expect(first.headers.get("fairlead-more")).toBe("true");
    expect(first.headers.get("fairlead-began")).toBe(newest.headers.get("fairlead-began"));
    const before = await call("GET", "/v1/networks/shop/events?before=2");
    expect([before.headers.get("fairlead-more"), ((await before.json()) as unknown[]).length]).toEqual([
      "false",
      1,
    ]);
    const own = await call("GET", "/v1/events?after=0&limit=1000");
    expect(own.headers.get("fairlead-more")).toBe("false");
  });
});

describe("an error response", () => {
  it("names the wrong field of a malformed request", async () => {
    const response = await call("POST", "/v1/networks", { body: { name: "No" } });
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("body.name") } });
    await createNetwork("shop");
    const query = await call("GET", "/v1/networks/shop/events?limit=none");
    expect(await query.json()).toMatchObject({
      error: { code: "request.invalid", message: expect.stringContaining("query.limit") },
    });
  });

  it("has the code route.unknown for an unknown path or method", async () => {
    for (const path of [
      "/",
      "/v1",
      "/v1/nothing",
      "/v1/networks/shop/tokens/x/y",
      "/v1/uplink",
      "/v1/lane",
    ]) {
      expect(await errorOf(call("GET", path))).toEqual([404, "route.unknown"]);
    }
    expect(await errorOf(call("PUT", "/v1/networks"))).toEqual([404, "route.unknown"]);
  });

  it("refuses a body that is not JSON, has another media type or is too large", async () => {
    const send = (body: BodyInit, headers: Record<string, string> = {}) =>
      errorOf(
        ask(`${API_URL}/v1/redeem`, {
          method: "POST",
          body,
          headers: { "content-type": "application/json", ...headers },
        }),
      );
    expect(await send("{")).toEqual([400, "request.invalid"]);
    expect(await send("a: 1", { "content-type": "application/yaml" })).toEqual([400, "request.invalid"]);
    const large = new Uint8Array(MAX_BODY + 1).fill(32);
    expect(await send(large)).toEqual([413, "request.too_large"]);
    // A body without a content-length.
    const stream = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent <= MAX_BODY; sent += 4096) controller.enqueue(large.slice(0, 4096));
        controller.close();
      },
    });
    expect(await send(stream)).toEqual([413, "request.too_large"]);
  });

  it("has no details of an unexpected error, which is logged", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    await createNetwork("shop");
    const failing = {
      getByName: () => {
        throw new Error("a secret detail of a CERTIFICATE");
      },
    };
    const response = await ask(
      `${API_URL}/v1/networks/shop/tokens`,
      {
        method: "POST",
        body: "{}",
        headers: { "content-type": "application/json", authorization: `Bearer flk_admin_${"a".repeat(43)}` },
      },
      { REGISTRY: failing as never },
    );
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).toContain("edge.internal");
    expect(text).not.toMatch(/spec|pem|CERTIFICATE|secret/i);
    expect(String(logged.mock.calls[0]?.[0])).toContain(response.headers.get("fairlead-request-id"));
    logged.mockRestore();
  });
});

describe("a wrong configuration", () => {
  it.each([API_URL, GATEWAY_URL])("is refused at %s, and only the log names the variable", async (url) => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => undefined);
    const response = await ask(`${url}/v1/health`, {}, { GATEWAY_URL: "http://gateway.test" });
    expect(await errorOf(response.clone())).toEqual([500, "edge.misconfigured"]);
    expect(await response.text()).not.toContain("GATEWAY_URL");
    expect(String(logged.mock.calls[0]?.[0])).toContain("GATEWAY_URL: must be https://HOST[:PORT]");
    logged.mockRestore();
  });
});

describe("a registry", () => {
  it("is not created by requests for a network that does not exist", async () => {
    const before = await countObjects();
    for (const path of ["", "/sites", "/status", "/tokens", "/events"]) {
      expect(await errorOf(call("GET", `/v1/networks/none${path}`))).toEqual([404, "network.unknown"]);
    }
    expect(await countObjects()).toEqual(before);
  });
});

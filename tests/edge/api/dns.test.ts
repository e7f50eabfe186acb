import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CreatedKey } from "../../../protocol/api/keys.ts";
import { RCODE } from "../../../protocol/dns/constants.ts";
import { writeQuery } from "../../../protocol/dns/forwarded-answer.ts";
import { readResponse } from "../../../protocol/dns/response.ts";
import { encodeBase64Url } from "../../../protocol/encoding.ts";
import { ask, call, createKey, createNetwork, errorOf, expectAnswer } from "../../support/workerd/client.ts";
import { API_URL } from "../../support/workerd/environment.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

const MESSAGE = "application/dns-message";
const QUERY = writeQuery(0, { name: "api.shop.internal", type: 1 }, true);

let key: string;

beforeEach(async () => {
  await createNetwork("shop");
  await call("POST", "/v1/networks/shop/sites", { body: { name: "west" } });
  const body = { name: "laptop", role: "dns", networks: ["shop"], site: "west" };
  key = (await expectAnswer(CreatedKey, call("POST", "/v1/keys", { body }))).key;
});

afterEach(() => resetEdge());

let clients = 0;
/** Asks by POST, from a new client address each time: failures are limited by client. */
function post(path: string, message: Uint8Array<ArrayBuffer> | string, headers: Record<string, string> = {}) {
  clients += 1;
  return ask(`${API_URL}${path}`, {
    method: "POST",
    body: message,
    headers: { "content-type": MESSAGE, "cf-connecting-ip": `203.0.113.${clients}`, ...headers },
  });
}

const bytes = Uint8Array.from(QUERY);

async function expectDenial(response: Response): Promise<void> {
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(MESSAGE);
  expect(response.headers.get("cache-control")).toBe("private, max-age=1");
  expect(readResponse(new Uint8Array(await response.arrayBuffer()))?.rcode).toBe(RCODE.NXDOMAIN);
}

describe("DNS over HTTPS", () => {
  it("answers GET and POST, with the key in the path or in a header", async () => {
    await expectDenial(await post(`/dns-query/${key}`, bytes));
    await expectDenial(await post("/dns-query", bytes, { authorization: `Bearer ${key}` }));
    await expectDenial(await ask(`${API_URL}/dns-query/${key}?dns=${encodeBase64Url(QUERY)}`));
  });

  it("refuses other content types, too long messages and what is no query", async () => {
    expect(await errorOf(post(`/dns-query/${key}`, bytes, { "content-type": "text/plain" }))).toEqual([
      415,
      "dns.media_type",
    ]);
    expect(await errorOf(post(`/dns-query/${key}`, new Uint8Array(70_000)))).toEqual([
      413,
      "request.too_large",
    ]);
    expect(await errorOf(post(`/dns-query/${key}`, "short"))).toEqual([400, "request.invalid"]);
    expect(await errorOf(ask(`${API_URL}/dns-query/${key}`))).toEqual([400, "request.invalid"]);
    expect(await errorOf(ask(`${API_URL}/dns-query/${key}?dns=***`))).toEqual([400, "request.invalid"]);
  });

  it("refuses requests without a key, with an unknown key, and with a key for other things", async () => {
    expect(await errorOf(post("/dns-query", bytes))).toEqual([401, "key.missing"]);
    expect(await errorOf(post("/dns-query/nonsense", bytes))).toEqual([401, "key.invalid"]);
    const admin = await createKey("admin");
    expect(await errorOf(post(`/dns-query/${admin}`, bytes))).toEqual([403, "key.forbidden"]);
  });

  it("refuses a key's queries above its rate, with the time to wait, and not those of another key", async () => {
    stopClock();
    // What is no query counts as well.
    const answers: Response[] = [];
    // Fewer at a time than a key may have in progress.
    while (answers.length < 120) {
      answers.push(
        ...(await Promise.all(Array.from({ length: 20 }, () => post(`/dns-query/${key}`, "short")))),
      );
    }
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(20);
    for (const response of refused) {
      expect(response.headers.get("retry-after")).toBe("1");
      expect(await errorOf(Promise.resolve(response))).toEqual([429, "dns.limited"]);
    }
    const body = { name: "other", role: "dns", networks: ["shop"], site: "west" };
    const other = (await expectAnswer(CreatedKey, call("POST", "/v1/keys", { body }))).key;
    await expectDenial(await post(`/dns-query/${other}`, bytes));
  });

  it("does not repeat the key of a path that leads nowhere", async () => {
    const response = await ask(`${API_URL}/dns-query/${key}/more`);
    expect(response.status).toBe(404);
    expect(await response.text()).not.toContain(key);
  });
});

describe("a key for DNS", () => {
  it("is refused by every other route", async () => {
    expect(await errorOf(call("GET", "/v1/networks", { key }))).toEqual([403, "key.forbidden"]);
    expect(await errorOf(call("GET", "/v1/networks/shop/services", { key }))).toEqual([403, "key.forbidden"]);
  });

  it("is for one site of one network", async () => {
    for (const body of [
      { name: "x", role: "dns", networks: ["shop"] },
      { name: "x", role: "dns", site: "west" },
      { name: "x", role: "viewer", networks: ["shop"], site: "west" },
    ]) {
      expect(await errorOf(call("POST", "/v1/keys", { body }))).toEqual([400, "request.invalid"]);
    }
    const body = { name: "x", role: "dns", networks: ["shop"], site: "none" };
    expect(await errorOf(call("POST", "/v1/keys", { body }))).toEqual([404, "site.unknown"]);
  });
});

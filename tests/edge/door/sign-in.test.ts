/** The sign-in of browsers at doors: with the identity provider, and with keys. */
import type { JWTPayload } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { CreatedDoorKey } from "../../../protocol/api/hostnames.ts";
import { fieldOf } from "../../../protocol/exchange/fields.ts";
import type { DoorAccess } from "../../../protocol/hostnames.ts";
import { SIGN_IN_SECONDS } from "../../../workers/auth/sign-in-state.ts";
import { SESSION_SECONDS } from "../../../workers/door/browser-session.ts";
import { SESSION_COOKIE, SIGN_IN_COOKIE } from "../../../workers/door/cookies.ts";
import { Browser, type Send, type VisitOptions } from "../../support/http/browser.ts";
import { ask, call, expectAnswer } from "../../support/workerd/client.ts";
import { DoorConnector, type TestExchange } from "../../support/workerd/door-connector.ts";
import { Provider } from "../../support/workerd/identity-provider.ts";
import { type Member, offer, PATIENCE, TestUplink } from "../../support/workerd/member.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";

let tests = 0;
/** Other ones for each test, since the Worker caches what a hostname leads to. */
let hostname = "";
let origin = "";
let provider: Provider;
let east: Member;
let browser: Browser;

beforeEach(async () => {
  tests += 1;
  hostname = `signin-${tests}.example.com`;
  origin = `https://${hostname}`;
  ({ east } = await openShop());
  await call("POST", "/v1/networks/shop/hostnames", { body: { pattern: hostname } });
  provider = await Provider.start();
  provider.redirectUris.push(`${origin}/.fairlead/callback`);
  browser = newBrowser();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await closeShop();
});

/** Sends a request, each test from an address of its own, since failures are limited by client. */
const send: Send = (url, { method, headers, body }) =>
  ask(
    url,
    { method, headers: { "cf-connecting-ip": `192.0.3.${tests}`, ...headers }, body },
    provider.signInVariables,
  );
const newBrowser = () => new Browser(send);

/** Publishes a service that answers with the fields that it got. */
async function publish(access: DoorAccess, at = hostname): Promise<TestUplink> {
  const ingress = [{ service: "web", hostname: at, access }];
  const uplink = await TestUplink.open(east, { offers: [offer("web")], ingress });
  void DoorConnector.join(uplink, async (exchange: TestExchange) => {
    const { path, fields } = await exchange.head;
    exchange.respond(200, [], JSON.stringify({ path, fields }));
  });
  return uplink;
}

interface Served {
  readonly path: string;
  readonly fields: string[];
}

async function served(answer: Response | Promise<Response>): Promise<Served> {
  const response = await answer;
  expect(response.status).toBe(200);
  return (await response.json()) as Served;
}

const locationOf = ({ headers }: Response): string => headers.get("location") ?? "";

/** Opens a page without a session. Returns the URL of the provider. */
async function leave(path = "/", by = browser, options: VisitOptions = {}): Promise<string> {
  const answer = await by.visit(`${origin}${path}`, options);
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([302, "no-store"]);
  return locationOf(answer);
}

/** Signs in, and returns the answer of the callback. */
async function signIn(path = "/", claims: JWTPayload = {}, by = browser): Promise<Response> {
  return by.visit(provider.codeFlow.authorize(await leave(path, by), claims));
}

/** The status of the page for a failed sign-in, after a check that it begins no session. */
async function refusal(answer: Response | Promise<Response>): Promise<[number, string]> {
  const response = await answer;
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
  const code = /<p>([a-z_.]+)<\/p>/.exec(await response.text())?.[1] ?? "";
  return [response.status, code];
}

const FAILED = [403, "door.sign_in_failed"];

describe("the sign-in with the identity provider", () => {
  it("leads a browser back to its page with a session, whose cookies the target does not get", async () => {
    await publish("oidc");
    const page = `${origin}/cart?item=7&to=//evil.example`;
    const back = await signIn("/cart?item=7&to=//evil.example");
    expect([back.status, locationOf(back)]).toEqual([303, page]);
    const [cookie, cleared, ...more] = back.headers.getSetCookie();
    expect(cookie).toMatch(
      new RegExp(
        `^${SESSION_COOKIE}=[\\w.-]+; Path=/; Max-Age=${SESSION_SECONDS}; Secure; HttpOnly; SameSite=Lax$`,
      ),
    );
    expect(cleared).toMatch(new RegExp(`^${SIGN_IN_COOKIE}=;.* Max-Age=0;`));
    expect(more).toEqual([]);
    browser.cookies(hostname).set("basket", "1");
    const { path, fields } = await served(
      browser.visit(page, { headers: { authorization: "Bearer of-the-target" } }),
    );
    expect(path).toBe("/cart?item=7&to=//evil.example");
    expect(fieldOf(fields, "cookie")).toBe("basket=1");
    expect(fieldOf(fields, "fairlead-caller")).toBe("oidc ann@example.com (oidc 7)");
    // With a session, Authorization is the target's.
    expect(fieldOf(fields, "authorization")).toBe("Bearer of-the-target");
  });

  it("is offered to browsers alone: programs get 401", async () => {
    await publish("oidc");
    for (const [options, init] of [
      ["a program", { headers: { accept: "*/*" } }],
      ["a script", { headers: { "sec-fetch-mode": "cors" } }],
      ["a form", { method: "POST" }],
      ["another key", { headers: { authorization: "Basic YTpi" } }],
      ["a WebSocket", { headers: { upgrade: "websocket" } }],
    ] as const) {
      const answer = await browser.visit(`${origin}/`, init);
      expect([options, answer.status]).toEqual([options, 401]);
      expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="fairlead"');
    }
    expect((await browser.visit(`${origin}/`, { method: "HEAD" })).status).toBe(302);
  });

  it("takes a bearer token of the provider without a session, and refuses one of a sign-in", async () => {
    await publish("oidc");
    const bearer = (token: string) =>
      browser.visit(`${origin}/`, { headers: { authorization: `Bearer ${token}` } });
    const { fields } = await served(bearer(await provider.token([])));
    expect(fieldOf(fields, "fairlead-caller")).toBe("oidc ann@example.com (oidc 7)");
    expect(fieldOf(fields, "authorization")).toBeNull();
    expect((await bearer(await provider.token([], { aud: Provider.CLIENT.id }))).status).toBe(401);
  });

  it("works in several tabs at once", async () => {
    await publish("oidc");
    const [first, second] = [await leave("/one"), await leave("/two")];
    const urls = [first, second].map((url) => provider.codeFlow.authorize(url));
    const [one, two] = [await browser.visit(urls[0] ?? ""), await browser.visit(urls[1] ?? "")];
    expect([locationOf(one), locationOf(two)]).toEqual([`${origin}/one`, `${origin}/two`]);
  });

  it("is refused in another browser than it began in", async () => {
    await publish("oidc");
    const url = provider.codeFlow.authorize(await leave());
    const victim = newBrowser();
    expect(await refusal(victim.visit(url))).toEqual(FAILED);
    // Neither does a sign-in of its own, which has begun, match.
    await leave("/", victim);
    expect(await refusal(victim.visit(url))).toEqual(FAILED);
    expect((await browser.visit(url)).status).toBe(303);
  });

  it("is refused a second time, with the cookie and without", async () => {
    await publish("oidc");
    const url = provider.codeFlow.authorize(await leave());
    const secret = browser.cookies(hostname).get(SIGN_IN_COOKIE) ?? "";
    expect((await browser.visit(url)).status).toBe(303);
    browser.cookies(hostname).clear();
    expect(await refusal(browser.visit(url))).toEqual(FAILED);
    browser.cookies(hostname).set(SIGN_IN_COOKIE, secret);
    expect(await refusal(browser.visit(url))).toEqual(FAILED);
  });

  it("is refused with an ID token of another sign-in, issuer, client or time", async () => {
    await publish("oidc");
    const seconds = Math.floor(Date.now() / 1000);
    for (const changes of [
      { nonce: "other" },
      { nonce: undefined },
      { iss: "https://evil.example" },
      { aud: "https://edge.test" },
      { aud: [Provider.CLIENT.id, "other"] },
      { azp: "other" },
      { exp: seconds - 120 },
      { sub: undefined },
    ]) {
      provider.codeFlow.changes = changes as JWTPayload;
      const [status, code] = await refusal(signIn());
      expect([changes, status]).toEqual([changes, 401]);
      expect(code).toMatch(/^oidc\.(invalid|expired)$/);
    }
    provider.codeFlow.changes = { aud: [Provider.CLIENT.id, "other"], azp: Provider.CLIENT.id };
    expect((await signIn()).status).toBe(303);
  });

  it("is refused where the authorization response is wrong, and no page shows what it says", async () => {
    await publish("oidc");
    const answers: ((url: URL) => void)[] = [
      (url) => url.searchParams.set("iss", "https://evil.example"),
      (url) => url.searchParams.delete("iss"),
      (url) => url.searchParams.set("code", "guessed"),
      (url) => url.searchParams.delete("code"),
      (url) => url.searchParams.append("code", "second"),
      (url) => url.searchParams.append("state", "second"),
      (url) => url.searchParams.delete("state"),
      (url) => url.searchParams.set("state", `${url.searchParams.get("state")}x`),
      (url) => url.searchParams.set("error", "<script>alert(1)</script>"),
    ];
    for (const change of answers) {
      const url = new URL(provider.codeFlow.authorize(await leave()));
      change(url);
      const answer = await browser.visit(url.href);
      expect([String(change), await answer.clone().text()]).not.toContain("alert");
      expect([String(change), ...(await refusal(answer))]).toEqual([String(change), ...FAILED]);
    }
  });

  it("is refused at another hostname, and so is its session", async () => {
    const other = `other-${hostname}`;
    await call("POST", "/v1/networks/shop/hostnames", { body: { pattern: other } });
    const ingress = [hostname, other].map((each) => ({
      service: "web",
      hostname: each,
      access: "oidc" as const,
    }));
    await TestUplink.open(east, { offers: [offer("web")], ingress });
    const url = provider.codeFlow.authorize(await leave());
    const secret = browser.cookies(hostname).get(SIGN_IN_COOKIE) ?? "";
    browser.cookies(other).set(SIGN_IN_COOKIE, secret);
    expect(await refusal(browser.visit(url.replace(hostname, other)))).toEqual(FAILED);
    expect((await browser.visit(url)).status).toBe(303);
    const session = browser.cookies(hostname).get(SESSION_COOKIE) ?? "";
    for (const forged of [session, `${session.slice(0, -1)}x`, "session.e30.AAAA", ""]) {
      browser.cookies(other).set(SESSION_COOKIE, forged);
      expect((await browser.visit(`https://${other}/`)).status).toBe(302);
    }
  });

  it("ends with the time of its session, and too late a return is refused", async () => {
    await publish("oidc");
    const clock = stopClock();
    const slow = newBrowser();
    const url = provider.codeFlow.authorize(await leave("/", slow));
    await signIn();
    clock.advance((SIGN_IN_SECONDS + 60) * 1000);
    expect(await refusal(slow.visit(url))).toEqual(FAILED);
    clock.advance((SESSION_SECONDS - SIGN_IN_SECONDS - 120) * 1000);
    // Connectors have missed the time that was left out, so the request ends there.
    expect((await browser.visit(`${origin}/`)).status).not.toBe(302);
    clock.advance(120_000);
    expect((await browser.visit(`${origin}/`)).status).toBe(302);
  });

  it("ends when the issuer of the edge changes", async () => {
    await publish("oidc");
    await signIn();
    await served(browser.visit(`${origin}/`));
    provider = await Provider.start();
    expect((await browser.visit(`${origin}/`)).status).toBe(302);
  });

  it("never leads a browser to another host", async () => {
    await publish("oidc");
    for (const [path, to] of [
      ["//evil.example/", "//evil.example/"],
      ["/.//evil.example", "//evil.example"],
      ["/\\evil.example", "//evil.example"],
      ["/a%0d%0aset-cookie:%20a=b", "/a%0d%0aset-cookie:%20a=b"],
      ["/.fairlead/sign-in?to=https://evil.example/", "/"],
      ["/.fairlead/sign-in?to=//evil.example/", "//evil.example/"],
      ["/.fairlead/sign-in?to=%2Fa%0d%0Ab", "/ab"],
      ["/.fairlead/sign-in?to=@evil.example", "/"],
      ["/.fairlead/sign-in?to=/.fairlead/sign-out", "/"],
      [`/${"a".repeat(2_000)}`, "/"],
    ] as const) {
      const back = await signIn(path, {}, newBrowser());
      expect([path, locationOf(back)]).toEqual([path, `${origin}${to}`]);
      expect(new URL(locationOf(back)).host).toBe(hostname);
      expect(back.headers.getSetCookie()).toHaveLength(2);
    }
  });

  it("answers with a page while the provider is unreachable, and limits what one client makes the edge ask", async () => {
    await publish("oidc");
    provider.reachable = false;
    expect(await refusal(browser.visit(`${origin}/`))).toEqual([503, "oidc.unreachable"]);
    provider = await Provider.start();
    provider.redirectUris.push(`${origin}/.fairlead/callback`);
    const url = new URL(provider.codeFlow.authorize(await leave()));
    url.searchParams.set("code", "guessed");
    stopClock();
    const seen = new Set<number>();
    for (let at = 0; at < 200 && !seen.has(429); at++) seen.add((await browser.visit(url.href)).status);
    expect(seen).toEqual(new Set([403, 429]));
  });

  it("is ended by a form of the hostname alone", async () => {
    await publish("oidc");
    await signIn();
    const path = `${origin}/.fairlead/sign-out`;
    expect(await (await browser.visit(path)).text()).toContain('<form method="post"');
    expect(await refusal(browser.visit(path, { form: {}, origin: "https://evil.example" }))).toEqual(FAILED);
    expect(await refusal(browser.visit(path, { form: {}, origin: "null" }))).toEqual(FAILED);
    await served(browser.visit(`${origin}/`));
    expect((await browser.visit(path, { form: {} })).status).toBe(200);
    expect((await browser.visit(`${origin}/`)).status).toBe(302);
  });
});

describe("the sign-in with a key", () => {
  const makeKey = () =>
    expectAnswer(
      CreatedDoorKey,
      call("POST", "/v1/networks/shop/door-keys", { body: { name: "app", hostname } }),
    );
  const signInWith = (key: string, to = "/", from = origin) =>
    browser.visit(`${origin}/.fairlead/sign-in`, { form: { key, to }, origin: from });

  it("asks a browser for the key, and begins a session that ends with the key", async () => {
    await publish("key");
    const { key, id } = await makeKey();
    const asked = await browser.visit(`${origin}/cart?a="><script>`);
    expect([asked.status, asked.headers.get("www-authenticate")]).toEqual([401, 'Bearer realm="fairlead"']);
    const html = await asked.text();
    expect(html).toContain('name="to" type="hidden" value="/cart?a=%22%3E%3Cscript%3E"');
    expect(html).not.toContain("<script");
    expect(asked.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'$/,
    );
    const back = await signInWith(` ${key}\n`, "/cart");
    expect([back.status, locationOf(back)]).toEqual([303, `${origin}/cart`]);
    expect(browser.cookies(hostname).get(SESSION_COOKIE)).not.toContain(key);
    const { fields } = await served(browser.visit(`${origin}/cart`));
    expect(fieldOf(fields, "fairlead-caller")).toBe("key app");
    expect(fieldOf(fields, "cookie")).toBeNull();
    await call("DELETE", `/v1/networks/shop/door-keys/${id}`);
    expect((await browser.visit(`${origin}/cart`)).status).toBe(401);
  });

  it("is refused with a wrong key, from another origin, and beyond the limit of a client", async () => {
    await publish("key");
    const { key } = await makeKey();
    for (const from of ["https://evil.example", "null", `http://${hostname}`, `${origin}.evil.example`]) {
      expect([from, await refusal(signInWith(key, "/", from))]).toEqual([from, FAILED]);
    }
    const wrong = await signInWith("fld_wrong", "//evil.example");
    expect([wrong.status, wrong.headers.getSetCookie()]).toEqual([401, []]);
    expect(await wrong.text()).toContain("The key is not valid for this hostname.");
    const back = await signInWith(key, "https://evil.example");
    expect(locationOf(back)).toBe(`${origin}/`);
    stopClock();
    const answers = await Promise.all(Array.from({ length: 200 }, (_, at) => signInWith(`fld_${at}`)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 429]));
  });

  it("gives no session where the hostname asks for an identity, and the reverse", async () => {
    const uplink = await publish("key");
    const { key } = await makeKey();
    await signInWith(key);
    await served(browser.visit(`${origin}/`));
    uplink.send({ type: "ingress", ingress: [{ service: "web", hostname, access: "oidc" }] });
    await uplink.settle();
    await vi.waitFor(async () => expect((await browser.visit(`${origin}/`)).status).toBe(302), PATIENCE);
  });
});

describe("the door's own paths", () => {
  it("are 404 but for the pages, and the target's where everybody may come in", async () => {
    const uplink = await publish("key");
    for (const path of ["callback", "x", ""]) {
      const answer = await browser.visit(`${origin}/.fairlead/${path}`);
      expect(answer.status).toBe(404);
      expect(await answer.json()).toMatchObject({ error: { code: "door.unknown_page" } });
    }
    uplink.send({ type: "ingress", ingress: [{ service: "web", hostname, access: "open" }] });
    await uplink.settle();
    await vi.waitFor(async () => {
      const { path } = await served(browser.visit(`${origin}/.fairlead/callback`));
      expect(path).toBe("/.fairlead/callback");
    }, PATIENCE);
  });
});

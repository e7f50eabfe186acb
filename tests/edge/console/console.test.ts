/** The console's users, sessions and links, and what its cookie may do at the API. */
import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod";
import { ConsoleSession, ConsoleUser, SignInLink } from "../../../protocol/api/console.ts";
import { NetworkEvent } from "../../../protocol/api/events.ts";
import { CreatedKey, type Role } from "../../../protocol/api/keys.ts";
import { hashKey } from "../../../workers/api/authentication.ts";
import type { Console } from "../../../workers/console/console.ts";
import { newSecret } from "../../../workers/console/session-cookie.ts";
import worker from "../../../workers/worker/index.ts";
import { ask, call, createKey, createNetwork, errorOf, expectAnswer } from "../../support/workerd/client.ts";
import { API_URL } from "../../support/workerd/environment.ts";
import { hangUpAll } from "../../support/workerd/member.ts";
import { resetEdge } from "../../support/workerd/reset.ts";
import { stopClock } from "../../support/workerd/stopped-clock.ts";
import { TestViewer } from "../../support/workerd/viewer.ts";

afterEach(async () => {
  vi.useRealTimers();
  hangUpAll();
  await resetEdge();
});

const PASSWORD = "correct horse battery";
const ON = { CONSOLE_MODE: "internal" as const };

let clients = 0;
const freshAddress = () => `198.51.100.${++clients}`;

const setUser = (name: string, role = "viewer", password = PASSWORD) =>
  expectAnswer(ConsoleUser, call("PUT", `/v1/console-users/${name}`, { body: { password, role } }));

interface Sent {
  readonly method?: string;
  readonly cookie?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly address?: string;
  readonly changes?: Partial<Cloudflare.Env>;
}

/** Sends a request as the console's page does. */
function page(
  path: string,
  { method = "GET", cookie, body, headers = {}, address, changes = ON }: Sent = {},
) {
  const all = {
    "cf-connecting-ip": address ?? "198.51.100.200",
    ...(method === "GET" ? {} : { origin: API_URL, "fairlead-console": "1" }),
    ...(cookie === undefined ? {} : { cookie }),
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...headers,
  };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  return ask(`${API_URL}${path}`, { method, headers: all, ...sent }, changes);
}

const signIn = (body: unknown, address?: string) =>
  page("/v1/session", { method: "POST", body, ...(address === undefined ? {} : { address }) });

/** The cookie of a successful sign-in. */
async function cookieOf(response: Response): Promise<string> {
  if (!response.ok) throw new Error(await response.text());
  const set = response.headers.get("set-cookie") ?? "";
  expect(set).toMatch(
    /^__Host-fairlead-console=[A-Za-z0-9_-]{43}; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/,
  );
  return set.slice(0, set.indexOf(";"));
}

const sessionOf = (cookie: string) => expectAnswer(ConsoleSession, page("/v1/session", { cookie }));

const object = () => env.CONSOLE.getByName("console");

/** The cookie of a session of a user whose password no test needs: to compute it takes long. */
async function signedIn(name: string, role: Role = "viewer"): Promise<string> {
  await object().setUser(name, { role, networks: null }, "none");
  const id = newSecret();
  await object().beginSession(await hashKey(id), { kind: "user", name });
  return `__Host-fairlead-console=${id}`;
}

/** Runs a statement in the database of the console's object. */
const run = (statement: string) =>
  runInDurableObject(object(), (_: Console, { storage }) => {
    storage.sql.exec(statement);
  });

describe("A session of the console", () => {
  it("begins with the right password, and has the role of its user in the API", async () => {
    await createNetwork("shop");
    await setUser("anna", "operator");
    const cookie = await cookieOf(await signIn({ user: "Anna", password: PASSWORD }));
    const { user, mode } = await sessionOf(cookie);
    expect([mode, user?.name]).toEqual(["internal", "anna (console)"]);
    expect(user?.grants).toEqual([{ role: "operator", networks: null }]);
    const made = await page("/v1/networks/shop/tokens", { method: "POST", cookie, body: {} });
    expect(made.status).toBe(201);
    expect(await errorOf(page("/v1/keys", { cookie }))).toEqual([403, "key.forbidden"]);
  });

  it("refuses the writes of a viewer", async () => {
    await createNetwork("shop");
    const cookie = await signedIn("vera");
    expect((await page("/v1/networks/shop/status", { cookie })).status).toBe(200);
    const write = page("/v1/networks/shop/tokens", { method: "POST", cookie, body: {} });
    expect(await errorOf(write)).toEqual([403, "key.forbidden"]);
  });

  it("authenticates no request that another site may have caused", async () => {
    const cookie = await signedIn("anna", "admin");
    const create = (headers: Record<string, string>) =>
      page("/v1/networks", { method: "POST", cookie, body: { name: "shop" }, headers });
    const forged: Record<string, string>[] = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://edge.test" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of forged) {
      expect(await errorOf(create(headers)), JSON.stringify(headers)).toEqual([403, "console.cross_site"]);
    }
    const withoutHeader = ask(
      `${API_URL}/v1/networks`,
      { method: "POST", headers: { cookie, origin: API_URL }, body: "{}" },
      ON,
    );
    expect(await errorOf(withoutHeader)).toEqual([403, "console.cross_site"]);
    const read = page("/v1/networks", { cookie, headers: { "sec-fetch-site": "cross-site" } });
    expect(await errorOf(read)).toEqual([403, "console.cross_site"]);
    expect((await create({})).status).toBe(201);
  });

  it("begins for no page of another site", async () => {
    const body = { user: "anna", password: PASSWORD };
    const forged = page("/v1/session", { method: "POST", body, headers: { origin: "https://evil.example" } });
    expect(await errorOf(forged)).toEqual([403, "console.cross_site"]);
  });

  it("ends at sign-out", async () => {
    const cookie = await signedIn("anna");
    const out = await page("/v1/session", { method: "DELETE", cookie });
    expect(out.headers.get("set-cookie")).toMatch(/^__Host-fairlead-console=; .*Max-Age=0/);
    expect(await errorOf(page("/v1/networks", { cookie }))).toEqual([401, "console.session_ended"]);
    expect((await sessionOf(cookie)).user).toBeNull();
  });

  it.each([
    ["with its user", () => call("DELETE", "/v1/console-users/anna")],
    ["with a new password or role", () => object().setUser("anna", { role: "admin", networks: null }, "new")],
    ["12 h after its last request", () => run("UPDATE sessions SET used_at = used_at - 12 * 3600000")],
    ["7 days after its begin", () => run("UPDATE sessions SET expires_at = expires_at - 7 * 86400000")],
  ])("ends %s", async (_, change) => {
    const cookie = await signedIn("anna");
    expect((await page("/v1/networks", { cookie })).status).toBe(200);
    await change();
    expect(await errorOf(page("/v1/networks", { cookie }))).toEqual([401, "console.session_ended"]);
  });

  it("watches the live channel from its own page alone, until it ends", async () => {
    await createNetwork("shop");
    const cookie = await signedIn("vera");
    const watch = (headers: Record<string, string>) =>
      page("/v1/networks/shop/live", { cookie, headers: { upgrade: "websocket", ...headers } });
    expect(await errorOf(watch({ origin: "https://elsewhere.example" }))).toEqual([
      403,
      "console.cross_site",
    ]);
    expect(await errorOf(watch({}))).toEqual([403, "console.cross_site"]);
    const viewer = new TestViewer(await watch({ origin: API_URL }));
    await viewer.next("snapshot");
    await run("DELETE FROM sessions");
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + 10_000);
    viewer.send({ type: "watch" });
    expect(await viewer.closed).toEqual({ code: 4401, reason: "console.session_ended" });
  });

  it("is stored without the password and its id, and continues when the same password is set again", async () => {
    await setUser("anna");
    const cookie = await cookieOf(await signIn({ user: "anna", password: PASSWORD }));
    await setUser("anna");
    expect((await page("/v1/networks", { cookie })).status).toBe(200);
    const id = cookie.slice(cookie.indexOf("=") + 1);
    const stored = await runInDurableObject(object(), (_: Console, { storage }) =>
      JSON.stringify(
        ["users", "sessions", "links"].map((table) => storage.sql.exec(`SELECT * FROM ${table}`).toArray()),
      ),
    );
    expect(stored).toContain("scrypt$16384$8$5$");
    expect(stored).not.toContain(PASSWORD);
    expect(stored).not.toContain(id);
  });
});

describe("A wrong password", () => {
  it("is refused like an unknown user, limited by client and noted in the edge's log", async () => {
    stopClock();
    await setUser("anna");
    const address = freshAddress();
    const wrong = (user: string) => signIn({ user, password: "wrong password" }, address);
    const bodies = await Promise.all(
      [wrong("anna"), wrong("nobody")].map(async (each) => (await each).json()),
    );
    const [known, unknown] = bodies.map((each) => z.object({ error: z.unknown() }).parse(each).error);
    expect(known).toEqual(unknown);
    let last = await wrong("anna");
    for (let at = 0; last.status === 401 && at < 20; at++) last = await wrong("anna");
    expect([last.status, Number(last.headers.get("retry-after")) > 0]).toEqual([429, true]);
    // Other clients can still sign in.
    await cookieOf(await signIn({ user: "anna", password: PASSWORD }, freshAddress()));
    const events = await expectAnswer(z.array(NetworkEvent), call("GET", "/v1/events?type=key.refused"));
    expect(events[0]?.code).toBe("console.sign_in_failed");
    expect(JSON.stringify(events)).not.toContain("wrong password");
  });

  it("is limited by user, whatever the clients' addresses are", async () => {
    stopClock();
    for (let at = 0; at < 20; at++) expect((await object().attempt("anna")).wait).toBe(0);
    const limited = await signIn({ user: "anna", password: PASSWORD }, freshAddress());
    expect([limited.status, Number(limited.headers.get("retry-after")) > 0]).toEqual([429, true]);
  });
});

describe("A one-time link", () => {
  const linkFor = (key?: string) =>
    expectAnswer(
      SignInLink,
      call("POST", "/v1/session/links", { ...(key === undefined ? {} : { key }), changes: ON }),
    );
  const secretOf = ({ url }: SignInLink) => {
    expect(url.startsWith(`${API_URL}/console/#link=`)).toBe(true);
    return url.slice(url.indexOf("=") + 1);
  };

  it("signs its holder in once, with the role of the key that made it", async () => {
    const key = await createKey("viewer");
    const link = secretOf(await linkFor(key));
    const cookie = await cookieOf(await signIn({ link }));
    expect((await sessionOf(cookie)).user?.grants).toEqual([{ role: "viewer", networks: null }]);
    expect(await errorOf(signIn({ link }))).toEqual([401, "console.sign_in_failed"]);
  });

  it("is not valid after a minute", async () => {
    const link = secretOf(await linkFor());
    await run("UPDATE links SET expires_at = expires_at - 60000");
    expect(await errorOf(signIn({ link }))).toEqual([401, "console.sign_in_failed"]);
  });

  it("gives sessions that end with the key", async () => {
    const made = await expectAnswer(
      CreatedKey,
      call("POST", "/v1/keys", { body: { name: "anna", role: "admin" } }),
    );
    const cookie = await cookieOf(await signIn({ link: secretOf(await linkFor(made.key)) }));
    expect((await page("/v1/keys", { cookie })).status).toBe(200);
    await call("DELETE", `/v1/keys/${made.id}`);
    expect(await errorOf(page("/v1/keys", { cookie }))).toEqual([401, "console.session_ended"]);
  });
});

describe("A deployment without a console", () => {
  const OFF = { CONSOLE_MODE: "none" as const };

  it("serves nothing of it, and accepts no session", async () => {
    const cookie = await signedIn("anna");
    for (const path of ["/", "/console", "/console/", "/console/index.html", "/console/sign-in"]) {
      expect(await errorOf(page(path, { changes: OFF })), path).toEqual([404, "route.unknown"]);
    }
    expect(await errorOf(page("/v1/networks", { cookie, changes: OFF }))).toEqual([401, "key.missing"]);
    const body = { user: "anna", password: PASSWORD };
    const attempt = page("/v1/session", { method: "POST", body, changes: OFF });
    expect(await errorOf(attempt)).toEqual([404, "console.off"]);
    expect(await expectAnswer(ConsoleSession, page("/v1/session", { cookie, changes: OFF }))).toMatchObject({
      mode: "none",
      user: null,
      url: null,
    });
  });
});

describe("A console without sign-in", () => {
  it("is not served at the API's host", async () => {
    const changes = { CONSOLE_MODE: "unsecured" as const };
    expect(await errorOf(page("/console/", { changes }))).toEqual([404, "route.unknown"]);
    expect(await errorOf(page("/v1/networks", { changes }))).toEqual([401, "key.missing"]);
  });
});

describe("The way to the console", () => {
  it("leads from the root of the API's host", async () => {
    const request = new Request(`${API_URL}/`) as Parameters<typeof worker.fetch>[0];
    const ctx = createExecutionContext();
    const response = await worker.fetch(request, { ...env, ...ON }, ctx);
    await waitOnExecutionContext(ctx);
    expect([response.status, response.headers.get("location")]).toEqual([302, "/console/"]);
  });
});

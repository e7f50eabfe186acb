/** The sign-in at the console with the identity provider. */
import type { JWTPayload } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConsoleSession } from "../../../protocol/api/console.ts";
import { Browser, type Send } from "../../support/http/browser.ts";
import { ask, call, createNetwork, expectAnswer } from "../../support/workerd/client.ts";
import { API_URL } from "../../support/workerd/environment.ts";
import { Provider } from "../../support/workerd/identity-provider.ts";
import { resetEdge } from "../../support/workerd/reset.ts";

let tests = 0;
let provider: Provider;
let browser: Browser;

beforeEach(async () => {
  tests += 1;
  provider = await Provider.start();
  provider.redirectUris.push(`${API_URL}/console/callback`);
  browser = newBrowser();
  vi.spyOn(console, "warn").mockImplementation(() => undefined);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await resetEdge();
});

const variables = () => ({ ...provider.signInVariables, CONSOLE_MODE: "oidc" as const });
const send: Send = (url, { method, headers, body }) =>
  ask(url, { method, headers: { "cf-connecting-ip": `192.0.4.${tests}`, ...headers }, body }, variables());
const newBrowser = () => new Browser(send);

const locationOf = ({ headers }: Response): string => headers.get("location") ?? "";

/** Begins a sign-in. Returns the URL of the provider. */
async function leave(next = "/console/sites", by = browser): Promise<string> {
  const answer = await by.visit(`${API_URL}/v1/session/oidc?next=${encodeURIComponent(next)}`);
  expect(answer.status).toBe(303);
  return locationOf(answer);
}

/** Signs in, and returns the answer of the callback. */
const signIn = async (claims: JWTPayload, next?: string): Promise<Response> =>
  browser.visit(provider.codeFlow.authorize(await leave(next), claims));

const session = async () =>
  expectAnswer(ConsoleSession, browser.visit(`${API_URL}/v1/session`, { headers: { accept: "*/*" } }));

/** The code at which a sign-in ended, after a check that it began no session. */
async function failureOf(answer: Response | Promise<Response>): Promise<string | null> {
  const response = await answer;
  expect(response.headers.getSetCookie()).toEqual([]);
  expect((await session()).user).toBeNull();
  const url = new URL(locationOf(response), API_URL);
  expect(url.pathname).toBe("/console/sign-in");
  return url.searchParams.get("error");
}

describe("The sign-in at the console with the identity provider", () => {
  it("leads back to the page with a session, which has the roles of the claims as configured at present", async () => {
    await createNetwork("shop");
    const back = await signIn({ groups: ["shop-operator"] });
    expect([back.status, locationOf(back)]).toEqual([303, "/console/sites"]);
    const { user } = await session();
    expect(user?.name).toBe("ann@example.com (oidc 7)");
    expect(user?.grants).toEqual([{ role: "operator", networks: ["shop"] }]);
    const cookie = [...browser.cookies("edge.test")].map((pair) => pair.join("=")).join("; ");
    const read = (changes: object) =>
      ask(`${API_URL}/v1/networks/shop/status`, { headers: { cookie } }, { ...variables(), ...changes });
    expect((await read({})).status).toBe(200);
    const others = JSON.stringify({ others: "viewer" });
    expect((await read({ OIDC_ROLES: others })).status).toBe(401);
  });

  it("ends at the page with the reason for a person without a role, and redirects no further", async () => {
    expect(await failureOf(signIn({ groups: ["strangers"] }))).toBe("oidc.no_role");
    const page = await call("GET", "/console/sign-in?error=oidc.no_role", { changes: variables() });
    expect(page.headers.get("location")).toBeNull();
  });

  it("refuses codes of another browser, used codes, forged states and refusals of the provider", async () => {
    const url = provider.codeFlow.authorize(await leave("/console/", newBrowser()), { groups: ["admin"] });
    expect(await failureOf(browser.visit(url))).toBe("console.sign_in_failed");
    const callback = `${API_URL}/console/callback`;
    expect(await failureOf(browser.visit(`${callback}?code=x&state=signin.e30.AAAA`))).toBe(
      "console.sign_in_failed",
    );
    const left = new URL(await leave());
    const state = left.searchParams.get("state") ?? "";
    const refusal = `${callback}?error=access_denied&state=${encodeURIComponent(state)}`;
    expect(await failureOf(browser.visit(refusal))).toBe("console.sign_in_failed");
    const used = provider.codeFlow.authorize(await leave(), { groups: ["admin"] });
    expect((await browser.visit(used)).status).toBe(303);
    const again = await browser.visit(used);
    expect(locationOf(again)).toBe("/console/sign-in?error=console.sign_in_failed");
  });

  it("says that the provider is unreachable", async () => {
    provider.reachable = false;
    expect(await failureOf(browser.visit(`${API_URL}/v1/session/oidc`))).toBe("oidc.unreachable");
  });

  it("leads to no other origin and no other part of the host", async () => {
    for (const next of [
      "https://evil.example/console/",
      "//evil.example",
      "/v1/keys",
      "/console/../v1/keys",
    ]) {
      const back = await signIn({ groups: ["viewer"] }, next);
      expect(locationOf(back), next).toBe("/console/");
    }
  });

  it("accepts no password", async () => {
    const body = JSON.stringify({ user: "admin", password: "does not matter" });
    const headers = { origin: API_URL, "fairlead-console": "1", "content-type": "application/json" };
    const answer = await ask(`${API_URL}/v1/session`, { method: "POST", headers, body }, variables());
    expect(answer.status).toBe(404);
  });
});

/** The sign-in at the console with an identity provider, in a real browser that follows every redirect by itself. */
import { writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { callFrom, expectRefusals } from "../support/browser/console-stand.ts";
import { openBrowser, type TestBrowser } from "../support/browser/test-browser.ts";
import type { TestPage } from "../support/browser/test-page.ts";
import { CLIENT, Provider } from "../support/edge/identity-provider.ts";
import { freePort } from "../support/free-port.ts";
import { Cluster, type Edge } from "../support/process/cluster.ts";

let browser: TestBrowser;
let provider: Provider;
let cluster: Cluster;
let edge: Edge;
let origin: string;

beforeAll(async () => {
  const started = await Promise.all([
    openBrowser(),
    Provider.start(),
    Cluster.create("fl-provider-"),
    freePort(),
  ]);
  [browser, provider, cluster] = started;
  // By another name than the provider's, so that the way back comes from another site.
  origin = `http://localhost:${started[3]}`;
  provider.redirectUris.push(`${origin}/console/callback`);
  const file = cluster.path("oidc.yaml");
  const roles = "admins: admin, shop-viewers: { role: viewer, networks: [shop] }";
  await writeFile(
    file,
    `{ issuer: "${provider.issuer}", audience: fairlead-edge, claim: groups, door: { client: ${CLIENT.id} }, roles: { ${roles} } }`,
  );
  const listen = ["--console-listen", `127.0.0.1:${started[3]}`];
  edge = await cluster.edge({ args: ["--oidc", file, "--console", "oidc", ...listen] });
  await cluster.network(edge, "shop");
});

afterEach(() => {
  provider.instead = null;
});

afterAll(async () => {
  await browser?.close();
  await cluster?.close();
  await provider?.stop();
});

const TOKENS = "/console/networks/shop/tokens";

/** Opens a page of the console without a session, and leaves for the provider. */
async function leave(path = TOKENS): Promise<TestPage> {
  const opened = await browser.page();
  await opened.page.goto(origin + path);
  await opened.page.getByRole("link", { name: "Sign in with your provider" }).click();
  return opened;
}

/** Answers at the provider's page, and waits until the browser is back. */
async function answer({ page }: TestPage, button: "Sign in" | "Refuse"): Promise<void> {
  await page.getByRole("heading", { name: "Provider" }).waitFor();
  await page.getByRole("button", { name: button }).click();
  await page.waitForURL((url) => url.origin === origin && url.pathname !== "/console/callback");
}

/** Waits for the code of a failed sign-in on the page, which still offers to sign in, and loads nothing. */
async function expectFailure({ page }: TestPage, code: string): Promise<void> {
  await page.getByText(code, { exact: true }).waitFor();
  await page.getByRole("link", { name: "Sign in with your provider" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/console/sign-in");
  expect(await page.locator("[aria-label^='Loading'], [role='progressbar']").count()).toBe(0);
}

describe("the sign-in at the identity provider", () => {
  it("leads back to the page that was asked for, with the role of the claims", async () => {
    provider.person = { groups: ["shop-viewers"] };
    await using opened = await leave();
    await answer(opened, "Sign in");
    const { page } = opened;
    const create = page.getByRole("button", { name: "Create token" });
    await create.waitFor();
    expect(page.url()).toBe(origin + TOKENS);
    expect(await create.getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("button", { name: "ann@example.com" }).waitFor();
    expect(await callFrom(opened, "POST", "/v1/networks/shop/tokens", {})).toEqual([403, "key.forbidden"]);
    await expectRefusals(opened, 1);
  });

  it("shows a name from the provider as text, however long it is", async () => {
    provider.person = {
      groups: ["admins"],
      email: `<img src=x onerror=alert(1)> \u202eשלום ${"x".repeat(10_000)}`,
    };
    await using opened = await leave();
    await answer(opened, "Sign in");
    const { page } = opened;
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole("button", { name: "User <img src=x" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
    expect(await page.locator("img[src=x]").count()).toBe(0);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(360);
  });

  it("ends at the page with the reason when the provider refuses, and can be tried again from there", async () => {
    provider.person = { groups: ["admins"] };
    await using opened = await leave();
    await answer(opened, "Refuse");
    await expectFailure(opened, "console.sign_in_failed");
    await opened.page.getByRole("link", { name: "Sign in with your provider" }).click();
    await answer(opened, "Sign in");
    await opened.page.getByRole("navigation", { name: "Pages" }).waitFor();
  });

  it("ends at the page with the reason for a person without a role", async () => {
    provider.person = { groups: ["strangers"] };
    await using opened = await leave();
    await answer(opened, "Sign in");
    await expectFailure(opened, "oidc.no_role");
  });

  it("ends at the page with the reason when the provider is unreachable after the person signed in", async () => {
    provider.person = { groups: ["admins"] };
    provider.instead = (path) => (path === "/token" ? "cut" : undefined);
    await using opened = await leave();
    await answer(opened, "Sign in");
    await expectFailure(opened, "oidc.unreachable");
  });

  it("ends at the page with the reason when the provider is unreachable from the start", async () => {
    // A new start of the edge has not read where the provider's pages are.
    await edge.restart();
    provider.instead = () => "cut";
    await using opened = await leave();
    await expectFailure(opened, "oidc.unreachable");
  });
});

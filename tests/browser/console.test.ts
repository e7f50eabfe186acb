/** The console of an embedded edge, in a real browser. One edge and its connectors serve all tests of the file. */
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import type { Route } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { ErrorResponse } from "../../protocol/api/envelope.ts";
import { CreatedKey } from "../../protocol/api/keys.ts";
import { SiteFlowRecord } from "../../protocol/telemetry/flow-record.ts";
import {
  type Account,
  ADMIN,
  ConsoleStand,
  callFrom,
  expectRefusals,
  signIn,
  tolerateRefusals,
  VIEWER,
} from "../support/browser/console-stand.ts";
import { hostileText, LONGEST, MARKUP, startHostileSite } from "../support/browser/hostile-site.ts";
import { BROKEN_PATH } from "../support/browser/http-echo.ts";
import { REBOUND } from "../support/browser/test-browser.ts";
import type { TestPage } from "../support/browser/test-page.ts";
import { closeSockets, RawSite } from "../support/connector/raw-site.ts";

let stand: ConsoleStand;

beforeAll(async () => {
  stand = await ConsoleStand.start();
});

afterAll(async () => {
  closeSockets();
  await stand?.close();
});

/** The row of a site in the table of sites. */
const rowOf = ({ page }: TestPage, site: string) =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name: site, exact: true }) });

/** Waits until the row of a site has a state. */
async function waitForState(opened: TestPage, site: string, state: string): Promise<void> {
  await rowOf(opened, site).getByText(state, { exact: true }).waitFor();
}

/** Headers of a handshake for a WebSocket. */
const UPGRADE = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": randomBytes(16).toString("base64"),
};

/** A status, and the code of the error. */
type Answer = readonly [status: number, code: string | null];

/** Sends a request with any headers, which a browser would not. An upgrade that is accepted ends at once. */
function ask(path: string, headers: Record<string, string>, method = "GET"): Promise<Answer> {
  const { hostname, port, host } = new URL(stand.origin);
  return new Promise((answer, fail) => {
    request({ hostname, port, path, method, headers: { host, ...headers } })
      .on("response", (response) => {
        const status = response.statusCode ?? 0;
        text(response).then((body) => {
          answer([status, status < 400 ? null : ErrorResponse.parse(JSON.parse(body)).error.code]);
        }, fail);
      })
      .on("upgrade", ({ statusCode }, socket) => {
        socket.destroy();
        answer([statusCode ?? 0, null]);
      })
      .on("error", fail)
      .end();
  });
}

/** The cookie of whoever is signed in, as a header has it. */
async function cookieOf({ page }: TestPage): Promise<string> {
  const cookies = await page.context().cookies();
  return cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
}

async function networks(): Promise<string[]> {
  const Listed = z.array(z.object({ name: z.string() }));
  const listed = await stand.edge.client.request("GET", "/v1/networks", Listed);
  return listed.map(({ name }) => name);
}

// A frozen site is silent for 22 s before anybody can know. The tests up to the viewer's run meanwhile.
describe.concurrent("the page of sites", () => {
  it("shows a killed site as down and a frozen one as silent, and both as up again, without a reload", async () => {
    await using opened = await stand.page("sites");
    await waitForState(opened, "west", "up");
    await stand.west.kill9();
    await waitForState(opened, "west", "down");
    stand.east.process.kill("SIGSTOP");
    try {
      await waitForState(opened, "east", "silent");
    } finally {
      stand.east.process.kill("SIGCONT");
    }
    await stand.west.restart();
    await waitForState(opened, "west", "up");
    await waitForState(opened, "east", "up");
  });
});

describe.concurrent("the sign-in of the console", () => {
  it("refuses a wrong password and an unknown user with the same words, and keeps the name", async () => {
    await using opened = await stand.browser.page();
    await opened.page.goto(stand.url());
    const texts: string[] = [];
    const strangers: readonly Account[] = [
      { name: ADMIN.name, password: "wrong horse battery" },
      { name: "nobody", password: ADMIN.password },
    ];
    for (const account of strangers) {
      await signIn(opened, account);
      const alert = opened.page.locator(".pf-v6-c-alert").first();
      await alert.waitFor();
      texts.push(((await alert.textContent()) ?? "").replace(/request .*/i, ""));
      expect(await opened.page.getByLabel("User").inputValue()).toBe(account.name);
      expect(await opened.page.getByLabel("Password").inputValue()).toBe("");
      await opened.page.reload();
    }
    expect(texts[1]).toBe(texts[0]);
    tolerateRefusals(opened);
  });

  it("leads back to the page that was asked for", async () => {
    await using opened = await stand.page("sites");
    await opened.page.getByRole("heading", { name: "Sites", exact: true }).waitFor();
    expect(opened.page.url()).toBe(stand.url("sites"));
  });

  it("ends with the sign-out, after which the cookie is worth nothing", async () => {
    await using opened = await stand.page("sites");
    const cookie = await cookieOf(opened);
    expect(await ask("/v1/networks", { cookie })).toEqual([200, null]);
    const state = await opened.page.context().storageState();
    await opened.page.getByRole("button", { name: ADMIN.name }).click();
    await opened.page.getByRole("menuitem", { name: "Sign out" }).click();
    await opened.page.getByLabel("Password").waitFor();
    expect(await ask("/v1/networks", { cookie })).toEqual([401, "console.session_ended"]);
    // What the page asked for meanwhile.
    tolerateRefusals(opened);
    // A browser that still has the cookie.
    await using stale = await stand.browser.page({ state });
    tolerateRefusals(stale);
    await stale.page.goto(stand.url("sites"));
    await signIn(stale, ADMIN);
    await stale.page.getByRole("heading", { name: "Sites", exact: true }).waitFor();
  });

  it("is where an open page leads when its session has ended", async () => {
    await using opened = await stand.page("sites?q=state%3Aup");
    tolerateRefusals(opened);
    const { page } = opened;
    await page.getByRole("heading", { name: "Sites", exact: true }).waitFor();
    // The page asks for the tokens while the session lasts, and the edge hears of it when it has ended.
    const asked = Promise.withResolvers<Route>();
    const TOKENS = "**/v1/networks/shop/tokens";
    await page.route(TOKENS, (route) => asked.resolve(route), { times: 1 });
    await page.getByRole("link", { name: "Tokens", exact: true }).click();
    const route = await asked.promise;
    // Another tab of the same browser signs out.
    const own = { origin: stand.origin, "fairlead-console": "1", cookie: await cookieOf(opened) };
    expect((await ask("/v1/session", own, "DELETE"))[0]).toBe(200);
    await route.continue();
    await page.getByText("Your session has ended.").waitFor();
    await signIn(opened, ADMIN);
    await page.getByRole("heading", { name: "Tokens", exact: true }).waitFor();
  });
});

/** Makes a one-time link by `fairlead console`. */
async function makeLink(): Promise<string> {
  const { stdout } = await stand.edge.fairlead("console", "--no-open", "--json");
  return z.object({ url: z.url() }).parse(JSON.parse(stdout)).url;
}

describe.concurrent("a link of `fairlead console`", () => {
  it("signs in the browser that opens it, and no other, and stays in no address of its history", async () => {
    const link = await makeLink();
    await using opened = await stand.browser.page();
    const { page } = opened;
    await page.goto(link);
    await page.getByRole("heading", { name: "Overview", exact: true }).waitFor();
    await page.getByRole("button", { name: "User admin" }).waitFor();
    const devtools = await page.context().newCDPSession(page);
    const { entries } = await devtools.send("Page.getNavigationHistory");
    expect(entries.map(({ url }) => url).join(" ")).not.toMatch(/link|#/);

    await using second = await stand.browser.page();
    await second.page.goto(link);
    await second.page.getByText("the link was used or is older than a minute").waitFor();
    await second.page.getByText("makes another link").waitFor();
    expect(new URL(second.page.url()).hash).toBe("");
    await expectRefusals(second, 1);
  });
});

describe.concurrent("the console's listener", () => {
  it("refuses writes and live channels that another site could have caused", async () => {
    await using opened = await stand.page("sites");
    const cookie = await cookieOf(opened);
    const from = { cookie, origin: stand.origin, "sec-fetch-site": "same-origin" };
    const own = { ...from, "fairlead-console": "1" };
    const write = (headers: Record<string, string>) =>
      ask("/v1/networks", { "content-type": "application/json", ...headers }, "POST");
    const watch = (channel: string, headers: Record<string, string>) =>
      ask(`/v1/networks/shop/${channel}`, { ...UPGRADE, ...headers });
    // Nothing is wrong with it but its empty body.
    expect(await write(own)).toEqual([400, "request.invalid"]);
    expect(await write(from)).toEqual([403, "console.cross_site"]);
    for (const channel of ["live", "live/traffic"]) {
      expect(await watch(channel, own)).toEqual([101, null]);
      expect(await watch(channel, { cookie })).toEqual([403, "console.cross_site"]);
    }
    const { port } = new URL(stand.origin);
    for (const forged of [
      { origin: "http://evil.example" },
      { origin: `http://evil.example:${port}` },
      { origin: "http://127.0.0.1:1" },
      { origin: "null" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      const said = JSON.stringify(forged);
      expect(await write({ ...own, ...forged }), said).toEqual([403, "console.cross_site"]);
      expect(await watch("live", { ...own, ...forged }), said).toEqual([403, "console.cross_site"]);
      expect(await watch("live/traffic", { ...own, ...forged }), said).toEqual([403, "console.cross_site"]);
    }
    const host = `evil.example:${port}`;
    const rebound = { ...own, host, origin: `http://${host}` };
    expect(await write(rebound)).toEqual([403, "console.wrong_host"]);
    expect(await watch("live", rebound)).toEqual([403, "console.wrong_host"]);
    expect(await watch("live/traffic", rebound)).toEqual([403, "console.wrong_host"]);
  });

  it("answers to no name but those of this machine", async () => {
    await using opened = await stand.browser.page();
    opened.tolerate(/403|favicon/);
    const { page } = opened;
    const { port } = new URL(stand.origin);
    const response = await page.goto(`http://${REBOUND}:${port}/console/`);
    expect(response?.status()).toBe(403);
    await page.getByText("console.wrong_host").waitFor();
    expect(await callFrom(opened, "GET", "/v1/session")).toEqual([403, "console.wrong_host"]);
    expect(await callFrom(opened, "POST", "/v1/session", ADMIN)).toEqual([403, "console.wrong_host"]);
  });

  // Cookies of a machine are sent to all of its ports, and a page at another port is of the same site.
  it.each(["localhost", "127.0.0.1"])("does nothing for a page at another port of %s", async (name) => {
    await using opened = await stand.page("sites");
    opened.tolerate(/WebSocket|403|401|415|favicon/);
    const { page } = opened;
    await page.goto(`http://${name}:${stand.server.port}/`);
    const target = JSON.stringify(`${stand.origin}/v1/networks`);
    await page.evaluate(
      `fetch(${target}, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"forged"}' })`,
    );
    const channel = JSON.stringify(`${stand.origin.replace("http", "ws")}/v1/networks/shop/live`);
    const heard = await page.evaluate(
      `new Promise((heard) => Object.assign(new WebSocket(${channel}), {
         onopen: () => heard("open"), onmessage: () => heard("message"), onclose: ({ code }) => heard(code) }))`,
    );
    expect(heard).toBe(1006);
    await page.evaluate(
      `document.body.innerHTML = '<form method="post" enctype="text/plain" action=' + ${target} +
         '><input name=\\'{"name":"forged","x":"\\' value=\\'"}\\'></form>'; document.forms[0].submit()`,
    );
    await page.waitForURL(`${stand.origin}/v1/networks`);
    expect(await networks()).not.toContain("forged");
  });
});

describe.concurrent("a viewer", () => {
  it("sees the network, and cannot change it, with the page's buttons or by hand", async () => {
    await using opened = await stand.page("tokens", { account: VIEWER });
    const create = opened.page.getByRole("button", { name: "Create token" });
    await create.waitFor();
    expect(await create.getAttribute("aria-disabled")).toBe("true");
    const writes: readonly (readonly [method: string, path: string, body: object])[] = [
      ["POST", "/v1/networks/shop/tokens", { uses: 1 }],
      ["POST", "/v1/networks", { name: "forged" }],
      ["DELETE", "/v1/networks/shop", {}],
      ["POST", "/v1/networks/shop/sites/west/revoke", {}],
      ["PATCH", "/v1/networks/shop/services/orders/balance", { mode: "priority" }],
      ["POST", "/v1/keys", { name: "forged", role: "admin" }],
      ["PUT", `/v1/console-users/${VIEWER.name}`, { password: VIEWER.password, role: "admin" }],
    ];
    for (const [method, path, body] of writes) {
      expect(await callFrom(opened, method, path, body), path).toEqual([403, "key.forbidden"]);
    }
    expect(await networks()).toContain("shop");
    await expectRefusals(opened, writes.length);
  });
});

describe("the search of a list", () => {
  it("stands in the address, and can be cleared where nothing matches", async () => {
    await using opened = await stand.page("sites?q=state:revoked");
    const { page } = opened;
    await page.getByRole("heading", { name: "No sites match" }).waitFor();
    await page.getByRole("button", { name: "Clear the search" }).click();
    await rowOf(opened, "east").waitFor();
    await page.getByLabel("Search sites").pressSequentially("east NOT state:revoked");
    await page.waitForURL(/q=east\+NOT\+state%3Arevoked/);
    await rowOf(opened, "west").waitFor({ state: "detached" });
    expect(await page.getByLabel("Search sites").inputValue()).toBe("east NOT state:revoked");
  });
});

describe("a narrow window", () => {
  it("has the pages in a menu that Escape closes", async () => {
    await using opened = await stand.page("sites", { width: 360 });
    const { page } = opened;
    const menu = page.getByRole("button", { name: "Pages" });
    await menu.press("Enter");
    // A click needs the link within the window.
    await page.getByRole("link", { name: "Links", exact: true }).click();
    await page.getByRole("heading", { name: "Links", exact: true, level: 1 }).waitFor();
    await menu.press("Enter");
    await page.getByRole("link", { name: "Keys", exact: true }).focus();
    await page.keyboard.press("Escape");
    await expect.poll(() => menu.getAttribute("aria-expanded"), PATIENCE).toBe("false");
    expect(await page.evaluate("document.activeElement.getAttribute('aria-label')")).toBe("Pages");
  });
});

describe("a token made in the page", () => {
  it("admits a connector, whose site can be revoked in the page", async () => {
    await using opened = await stand.page("tokens");
    const { page } = opened;
    await page.getByRole("button", { name: "Create token" }).click();
    const file = stand.cluster.path("made-in-the-page.yaml");
    await writeFile(file, (await page.getByTestId("token-file").textContent()) ?? "", { mode: 0o600 });
    await stand.cluster.connector({ site: "south", token: file });
    await page.getByRole("link", { name: "Sites", exact: true }).click();
    await waitForState(opened, "south", "up");
    await rowOf(opened, "south").getByRole("link", { name: "south" }).click();
    await page.getByRole("button", { name: "Revoke site" }).click();
    await page.getByLabel("Type south to confirm").fill("south");
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("button", { name: "Delete site" }).waitFor();
  });
});

/** Presses Tab until a control has the focus, by its label or else its text. @throws Error when 100 presses do not reach it */
async function tabTo({ page }: TestPage, tag: "A" | "BUTTON" | "INPUT", name: string): Promise<void> {
  const focused = `(({ tagName, labels, textContent }) => tagName + " " + (labels?.[0] ?? { textContent }).textContent.trim())(
    document.activeElement)`;
  const wanted = new RegExp(`^${tag} ${name}\\s*\\*?$`);
  for (let presses = 0; presses < 100; presses++) {
    if (wanted.test(String(await page.evaluate(focused)))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach ${tag} "${name}".`);
}

describe("the keyboard alone", () => {
  it("goes through the navigation, and makes a token", async () => {
    await using opened = await stand.page("sites");
    const { page } = opened;
    const labels = ["Events", "Links", "Keys", "Settings", "Tokens"];
    for (const label of labels) {
      await tabTo(opened, "A", label);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: label, exact: true, level: 1 }).waitFor();
    }
    await tabTo(opened, "BUTTON", "Create token");
    await page.keyboard.press("Enter");
    await page.getByTestId("token-file").waitFor();
  });

  it("signs in, opens a site and revokes it", async () => {
    await RawSite.join(stand.edge, await stand.network.token(), "north");
    await using opened = await stand.browser.page();
    const { page } = opened;
    await page.goto(stand.url("sites"));
    await page.getByLabel("User").waitFor();
    await tabTo(opened, "INPUT", "User");
    await page.keyboard.type(ADMIN.name);
    await tabTo(opened, "INPUT", "Password");
    await page.keyboard.type(ADMIN.password);
    await page.keyboard.press("Enter");
    await rowOf(opened, "north").waitFor();
    await tabTo(opened, "A", "north");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Revoke site" }).waitFor();
    await tabTo(opened, "BUTTON", "Revoke site");
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(opened, "INPUT", "Type north to confirm");
    await page.keyboard.type("north");
    await tabTo(opened, "BUTTON", "Revoke");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Delete site" }).waitFor();
    expect(await page.evaluate("document.activeElement !== document.body")).toBe(true);
  });
});

const PATIENCE = { timeout: 60_000 };

/** Requests a service again and again, and each fifth time a path that fails. */
async function callOften(url: string, until: AbortSignal): Promise<void> {
  for (let count = 0; !until.aborted; count++) {
    const path = count % 5 === 0 ? BROKEN_PATH : "/";
    await fetch(url + path)
      .then((response) => response.text())
      .catch(() => {});
    await sleep(50);
  }
}

/** Presses a button that saves a file. Returns the file. */
async function saved({ page }: TestPage, button: string): Promise<string> {
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: button }).click();
  return await text(await (await download).createReadStream());
}

describe("the pages of a network with traffic", () => {
  const stopped = new AbortController();
  let requests: Promise<void>;

  beforeAll(async () => {
    const { host, port } = await stand.west.listener("orders");
    requests = callOften(`http://${host}:${port}`, stopped.signal);
  });

  afterAll(async () => {
    stopped.abort();
    await requests;
  });

  it("show what passes now, who calls and what answers", async () => {
    await using opened = await stand.page("services");
    const { page } = opened;
    const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "orders" }) });
    await row.getByText(/requests\/s|\/s requests/).waitFor();
    await row.getByRole("link", { name: "orders" }).click();
    await page.locator(".fl-chart canvas").first().waitFor();
    await page.getByRole("table").filter({ hasText: "Site and process" }).getByText("west").first().waitFor();
    await page.getByText(`127.0.0.1:${stand.server.port}`).first().waitFor();
    await page.getByRole("link", { name: "Topology", exact: true }).click();
    await page.getByRole("button", { name: "Services", exact: true }).click();
    await page.locator(".fl-line__label", { hasText: "/s" }).first().waitFor();
    await page.getByRole("button", { name: "orders, Service" }).waitFor();
  });

  it("show flows as they happen, through a filter, stand still at a pause, and save what they show", async () => {
    await using opened = await stand.page("flows");
    const { page } = opened;
    const results = (result: string) => page.locator(".fl-flow--row").getByText(result, { exact: true });
    await results("200").first().waitFor();
    await page.getByRole("combobox", { name: "Filter" }).fill("status:5xx");
    await expect.poll(() => results("200").count(), PATIENCE).toBe(0);
    await results("500").first().waitFor();
    expect(new URL(page.url()).searchParams.get("filter")).toBe("status:5xx");
    await page.getByRole("button", { name: "Pause" }).click();
    const table = page.getByRole("table", { name: "Flows" });
    const count = async () => Number(await table.getAttribute("aria-rowcount")) - 1;
    const since = async () => {
      const said = (await page.getByText(/^Paused at/).textContent()) ?? "";
      return Number(/([\d,]+) came since/.exec(said)?.[1]?.replace(",", "") ?? 0);
    };
    const moreCame = async () => {
      const before = await since();
      await expect.poll(since, PATIENCE).toBeGreaterThan(before);
    };
    // The table draws what had come before the pause when it gets to it.
    await moreCame();
    const atPause = await count();
    await moreCame();
    expect(await count()).toBe(atPause);
    const lines = (await saved(opened, "Save as JSON lines")).trimEnd().split("\n");
    const records = lines.map((line) => SiteFlowRecord.parse(JSON.parse(line)));
    expect(records).toHaveLength(atPause);
    const kinds = records.map(({ service, status, path }) => `${service} ${status} ${path}`);
    expect(new Set(kinds)).toEqual(new Set([`orders 500 ${BROKEN_PATH}`]));
    expect((await saved(opened, "Save as CSV")).trimEnd().split("\r\n")).toHaveLength(atPause + 1);
    await page.getByRole("button", { name: "Continue" }).click();
    await expect.poll(count, PATIENCE).toBeGreaterThan(atPause);
  });

  it("name the broken step of a path as soon as it breaks, with what to do", async () => {
    await using opened = await stand.page("check");
    const { page } = opened;
    await page.getByLabel("From site").selectOption("west");
    await page.getByLabel("To service").selectOption("orders");
    await page.getByText("west reaches orders").first().waitFor();
    expect(await page.locator(".fl-step--broken").count()).toBe(0);
    await stand.east.kill9();
    await page.getByText("west does not reach orders").first().waitFor();
    const broken = page.locator(".fl-step--broken");
    await broken.filter({ hasText: "east" }).waitFor();
    expect(await broken.count()).toBe(1);
    await page.locator("main").getByText("fairlead doctor").first().waitFor();
    await page.locator(".fl-step--skipped").first().waitFor();
    await stand.east.restart();
    await page.getByText("west reaches orders").first().waitFor();
  });
});

/** Pages below the network of a hostile site, and a text of that site that each shows. */
const SHOWN: readonly (readonly [path: string, shown: string])[] = [
  ["", MARKUP],
  ["topology?view=sites", LONGEST.site],
  ["topology?view=services&by=process", MARKUP],
  ["topology?view=list", LONGEST.site],
  ["services", LONGEST.service],
  [`services/${LONGEST.service}`, MARKUP],
  ["flows", MARKUP],
  ["flows?show=kept", MARKUP],
  [`check?from=${LONGEST.site}&service=${LONGEST.service}`, LONGEST.service],
  ["events", MARKUP],
  ["sites", LONGEST.site],
  [`sites/${LONGEST.site}`, MARKUP],
  ["links", LONGEST.site],
  ["tokens", LONGEST.network],
  ["keys", MARKUP],
  ["settings", LONGEST.service],
];

/** What opens on a page: its path, what is pressed there, and what then shows a text of the hostile site. */
const OPENED: readonly (readonly [path: string, pressed: string, shown: string])[] = [
  ["topology?view=sites", ".react-flow__node-site", ".fl-panel"],
  ["topology?view=services&by=process", ".react-flow__node-part", ".fl-panel"],
  ["flows?show=kept", ".fl-flow--row", ".fl-flow-detail"],
  [`sites/${LONGEST.site}`, 'button:has-text("Revoke site")', '[role="dialog"]'],
];

/** What of a page can be scrolled sideways as a whole. */
const SIDEWAYS = `[...document.querySelectorAll(
    "html, body, main, .pf-v6-c-page__main-container, .fl-page, .fl-panel, .fl-flow-detail, [role=dialog], [role=dialog] > *",
  )]
  .filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
  .map(({ tagName, className, scrollWidth }) => [tagName, className, scrollWidth].join(" "))`;

describe("the texts of a hostile site", () => {
  it("are shown as texts on every page, none of which is wider than 360 px", async () => {
    const network = await stand.cluster.network(stand.edge, LONGEST.network);
    await startHostileSite(stand.edge, network);
    await stand.edge.client.request("POST", "/v1/keys", CreatedKey, {
      name: hostileText(100),
      role: "viewer",
    });
    await using opened = await stand.page("", { width: 360 });
    const { page } = opened;
    const base = `${stand.origin}/console/networks/${LONGEST.network}`;
    await page.goto(base);
    // The router follows the address without loading the page anew.
    const show = (path: string) =>
      page.evaluate(`history.pushState(null, "", ${JSON.stringify(`${base}/${path}`)})`);
    const look = async (what: string) => {
      expect(await page.evaluate(SIDEWAYS), what).toEqual([]);
      expect(await page.locator("img[src=x]").count(), what).toBe(0);
    };
    for (const [path, shown] of SHOWN) {
      await show(path);
      await page
        .locator("main")
        .getByText(shown, { exact: false })
        .filter({ visible: true })
        .first()
        .waitFor();
      await look(path);
    }
    for (const [path, pressed, shown] of OPENED) {
      await show(path);
      await page.locator(pressed).first().click();
      await page.locator(shown).waitFor();
      await look(`${path} with ${shown}`);
      await page.keyboard.press("Escape");
    }
    expect(await page.title()).not.toBe("1");
  });
});

/** The console of an embedded edge, in a real browser. One edge and its connectors serve all tests of the file. */
import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import {
  type Account,
  ADMIN,
  ConsoleStand,
  forgiveRefusals,
  signIn,
  VIEWER,
} from "../support/browser/console-stand.ts";
import { HttpEcho } from "../support/browser/http-echo.ts";
import type { TestPage } from "../support/browser/test-page.ts";
import { RawSite } from "../support/connector/raw-site.ts";

let stand: ConsoleStand;

beforeAll(async () => {
  stand = await ConsoleStand.start();
});

afterAll(async () => await stand?.close());

/** The row of a site in the table of sites. */
const rowOf = ({ page }: TestPage, site: string) =>
  page.getByRole("row").filter({ has: page.getByRole("link", { name: site, exact: true }) });

/** Waits until the row of a site has a state. */
async function waitForState(opened: TestPage, site: string, state: string): Promise<void> {
  await rowOf(opened, site).getByText(state, { exact: true }).waitFor();
}

/** Sends a request with any headers, which a browser would not. Returns its status. */
function statusOf(path: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  const { hostname, port, host } = new URL(stand.origin);
  return new Promise((answer, fail) => {
    request({ hostname, port, path, method, headers: { host, ...headers } }, (response) => {
      response.resume();
      answer(response.statusCode ?? 0);
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

/** Calls the API from within the page, as the page does. Returns the status. */
const callFrom = ({ page }: TestPage, method: string, path: string, body: object): Promise<unknown> =>
  page.evaluate(
    `fetch(${JSON.stringify(path)}, { method: ${JSON.stringify(method)}, body: ${JSON.stringify(JSON.stringify(body))},
       headers: { "content-type": "application/json", "fairlead-console": "1" } }).then(({ status }) => status)`,
  );

async function networks(): Promise<string[]> {
  const Listed = z.array(z.object({ name: z.string() }));
  const listed = await stand.edge.client.request("GET", "/v1/networks", Listed);
  return listed.map(({ name }) => name);
}

describe("the sign-in of the console", () => {
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
    forgiveRefusals(opened);
  });

  it("leads back to the page that was asked for", async () => {
    await using opened = await stand.page("sites");
    await opened.page.getByRole("heading", { name: "Sites", exact: true }).waitFor();
    expect(opened.page.url()).toBe(stand.url("sites"));
  });

  it("ends with the sign-out, after which the cookie is worth nothing", async () => {
    await using opened = await stand.page("sites");
    const cookie = await cookieOf(opened);
    expect(await statusOf("/v1/networks", { cookie })).toBe(200);
    await opened.page.getByRole("button", { name: ADMIN.name }).click();
    await opened.page.getByRole("menuitem", { name: "Sign out" }).click();
    await opened.page.getByLabel("Password").waitFor();
    expect(await statusOf("/v1/networks", { cookie })).toBe(401);
    // What the page asked for meanwhile.
    forgiveRefusals(opened);
  });
});

describe("the console's listener", () => {
  it("refuses requests that another site could have caused", async () => {
    await using opened = await stand.page("sites");
    const cookie = await cookieOf(opened);
    const write = (headers: Record<string, string>) =>
      statusOf("/v1/networks", { cookie, "content-type": "application/json", ...headers }, "POST");
    const own = { origin: stand.origin, "fairlead-console": "1", "sec-fetch-site": "same-origin" };
    // Nothing is wrong with it but its empty body.
    expect(await write(own)).toBe(400);
    expect(await write({ ...own, origin: "http://evil.example" })).toBe(403);
    expect(await write({ ...own, "sec-fetch-site": "cross-site" })).toBe(403);
    expect(await write({ origin: own.origin, "sec-fetch-site": "same-origin" })).toBe(403);
  });

  it("answers to no name but those of this machine", async () => {
    for (const path of ["/console/", "/v1/session"]) {
      expect(await statusOf(path, {})).toBe(200);
      expect(await statusOf(path, { host: "evil.example" })).toBeGreaterThanOrEqual(400);
    }
  });

  it("does nothing for a form and a script on the page of another site", async () => {
    const evil = await HttpEcho.start();
    try {
      await using opened = await stand.page("sites");
      const { page } = opened;
      await page.goto(`http://localhost:${evil.port}/`);
      const target = JSON.stringify(`${stand.origin}/v1/networks`);
      await page.evaluate(
        `fetch(${target}, { method: "POST", mode: "no-cors", credentials: "include", body: '{"name":"forged"}' })`,
      );
      await page.evaluate(
        `document.body.innerHTML = '<form method="post" enctype="text/plain" action=' + ${target} +
           '><input name=\\'{"name":"forged","x":"\\' value=\\'"}\\'></form>'; document.forms[0].submit()`,
      );
      await page.waitForURL(`${stand.origin}/v1/networks`);
      expect(await networks()).toEqual(["shop"]);
      opened.forgive(/403|401|415|favicon/);
    } finally {
      await evil.close();
    }
  });
});

describe("a viewer", () => {
  it("sees the network, and cannot change it, with the page's buttons or by hand", async () => {
    await using opened = await stand.page("tokens", { account: VIEWER });
    const create = opened.page.getByRole("button", { name: "Create token" });
    await create.waitFor();
    expect(await create.getAttribute("aria-disabled")).toBe("true");
    expect(await callFrom(opened, "POST", "/v1/networks/shop/tokens", { uses: 1 })).toBe(403);
    expect(await callFrom(opened, "POST", "/v1/networks", { name: "forged" })).toBe(403);
    expect(await callFrom(opened, "POST", "/v1/networks/shop/sites/west/revoke", {})).toBe(403);
    expect(await networks()).toEqual(["shop"]);
    expect(forgiveRefusals(opened)).toBe(3);
  });
});

describe("the page of sites", () => {
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

describe("the keyboard alone", () => {
  it("goes through the navigation, and makes a token", async () => {
    await using opened = await stand.page("sites");
    const { page } = opened;
    const labels = ["Events", "Links", "Keys", "Settings", "Tokens"];
    for (const label of labels) {
      await tabTo(opened, "link", label);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: label, exact: true, level: 1 }).waitFor();
    }
    await tabTo(opened, "button", "Create token");
    await page.keyboard.press("Enter");
    await page.getByTestId("token-file").waitFor();
  });
});

/** Presses Tab until a link or button has the focus. @throws Error when 100 presses do not reach it */
async function tabTo({ page }: TestPage, role: "link" | "button", name: string): Promise<void> {
  const focused = "[document.activeElement?.tagName, document.activeElement?.textContent.trim()].join(' ')";
  const wanted = `${role === "link" ? "A" : "BUTTON"} ${name}`;
  for (let presses = 0; presses < 100; presses++) {
    if ((await page.evaluate(focused)) === wanted) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not reach the ${role} "${name}".`);
}

describe("hostile text from a site", () => {
  it("is shown as text", async () => {
    const token = await stand.network.token();
    const hostile = await RawSite.join(stand.edge, token, "hostile");
    const software = '<img src=x onerror="document.title=1"> שלום';
    const uplink = await hostile.open();
    uplink.send(hostile.hello({ software }));
    await uplink.next("welcome");
    await using opened = await stand.page("sites/hostile");
    await opened.page.getByText("<img src=x", { exact: false }).first().waitFor();
    expect(await opened.page.locator("img[src=x]").count()).toBe(0);
    expect(await opened.page.title()).not.toBe("1");
    uplink.socket.close();
  });
});

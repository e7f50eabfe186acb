import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openBrowser, type TestBrowser } from "../support/browser/test-browser.ts";
import { ConsoleStandIn } from "../support/console-stand-in/stand-in.ts";
import { freePort } from "../support/free-port.ts";

const SITES = 300;

/** Places of the nodes in the coordinates of the graph, and what is written on them. */
interface DrawnNode {
  readonly id: string;
  readonly label: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Reads the nodes in the page. */
const NODES = `[...document.querySelectorAll(".react-flow__node-site, .react-flow__node-edge")].map((node) => {
  const { m41, m42 } = new DOMMatrix(getComputedStyle(node).transform);
  return { id: node.dataset.id, label: node.getAttribute("aria-label"), x: m41, y: m42, width: node.offsetWidth, height: node.offsetHeight };
})`;

const overlaps = (nodes: readonly DrawnNode[]): string[] =>
  nodes.flatMap((a, index) =>
    nodes
      .slice(index + 1)
      .filter(
        (b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height,
      )
      .map((b) => `${a.label} and ${b.label}`),
  );

/** Nodes of both lists that are not in the same place. */
function moved(before: readonly DrawnNode[], after: readonly DrawnNode[]): string[] {
  const places = new Map(before.map((node) => [node.id, node]));
  return after
    .filter(({ id, x, y }) => {
      const place = places.get(id);
      return place !== undefined && (place.x !== x || place.y !== y);
    })
    .map(({ label }) => label);
}

let browser: TestBrowser;
let standIn: ConsoleStandIn;

beforeAll(async () => {
  browser = await openBrowser();
  standIn = await ConsoleStandIn.start({
    port: await freePort(),
    sites: SITES,
    changes: 10,
    role: "viewer",
    broken: true,
  });
});

afterAll(async () => {
  await standIn.stop();
  await browser.close();
});

describe("the topology of 300 sites at 10 changes a second", () => {
  it("has no overlap, and moves nothing when sites go down, leave and join", async () => {
    await using opened = await browser.page({ theme: "light", width: 1280 });
    const { page } = opened;
    await page.goto(`${standIn.url}networks/${standIn.network.name}/topology`);
    const nodes = async (): Promise<DrawnNode[]> => await page.evaluate(NODES);
    await expect.poll(async () => (await nodes()).length, { timeout: 60_000 }).toBe(SITES + 1);
    const first = await nodes();
    expect(overlaps(first)).toEqual([]);

    const victim = standIn.network.sites.find(({ state }) => state === "up");
    if (victim === undefined) throw new Error("No site is up.");
    standIn.network.steady.add(victim.name);
    standIn.tell(standIn.network.setSite(victim.name, false, Date.now()));
    await page.getByRole("button", { name: `Site ${victim.name}, down` }).waitFor();
    expect(moved(first, await nodes())).toEqual([]);

    const [gone] = standIn.network.sites.filter(({ id }) => id !== victim.id);
    if (gone === undefined) throw new Error("There is no other site.");
    standIn.network.sites = standIn.network.sites.filter(({ id }) => id !== gone.id);
    standIn.tell({ sites: { put: [], gone: [gone.id] } });
    await expect.poll(async () => (await nodes()).length, { timeout: 60_000 }).toBe(SITES);
    const without = await nodes();
    expect([moved(first, without), overlaps(without)]).toEqual([[], []]);

    const joined = { ...gone, id: `${gone.id.slice(0, -4)}zzzz`, name: `${gone.name}-again` };
    standIn.network.sites = [...standIn.network.sites, joined];
    standIn.tell({ sites: { put: [joined], gone: [] } });
    await expect.poll(async () => (await nodes()).length, { timeout: 60_000 }).toBe(SITES + 1);
    const again = await nodes();
    expect([moved(without, again), overlaps(again)]).toEqual([[], []]);
  });

  it("shows the details of a site to the keyboard, and closes them again", async () => {
    await using opened = await browser.page({ theme: "dark", width: 1280 });
    const { page } = opened;
    await page.goto(`${standIn.url}networks/${standIn.network.name}/topology?find=state:up`);
    const node = page.locator(".react-flow__node-site").first();
    await node.focus();
    await page.keyboard.press("Enter");
    const panel = page.getByRole("region", { name: "Details" });
    await panel.waitFor();
    expect(new URL(page.url()).searchParams.get("show")).toMatch(/^s/);
    await panel.getByRole("button", { name: "Close the details" }).press("Enter");
    await panel.waitFor({ state: "detached" });
  });
});

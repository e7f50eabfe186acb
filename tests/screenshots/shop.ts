/**
 * Pictures of the shop of examples/shop, for docs/talk.md.
 *
 *     node tests/screenshots/shop.ts --url http://127.1.1.1:8080/ --out docs/images --home talk-shop --order talk-order
 *
 *     --url URL      the shop
 *     --out FOLDER   by default screenshots
 *     --home NAME    takes the first page
 *     --order NAME   buys two products, and takes the page of the order
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openBrowser, type TestBrowser } from "../support/browser/test-browser.ts";

const { values: options } = parseArgs({
  options: {
    url: { type: "string", default: "http://127.1.1.1:8080/" },
    out: { type: "string", default: "screenshots" },
    home: { type: "string" },
    order: { type: "string" },
  },
});

/** Opens a page of the shop, lets a visitor act, and takes what the window shows. */
async function take(browser: TestBrowser, name: string, act: (page: Shop) => Promise<void>): Promise<void> {
  await using opened = await browser.page({ theme: "light", width: 1280 });
  await opened.page.goto(options.url);
  await act(opened.page);
  const file = join(options.out, `${name}.png`);
  await opened.screenshot(file, { fullPage: false });
  console.log(file);
}

type Shop = Awaited<ReturnType<TestBrowser["page"]>>["page"];

async function order(page: Shop): Promise<void> {
  for (const product of ["Sunglasses", "Watch"]) {
    await page.goto(options.url);
    await page.getByRole("region", { name: "Products" }).getByText(product).click();
    await page.getByRole("button", { name: "Add to cart" }).click();
    await page.getByRole("heading", { name: "Your cart" }).waitFor();
  }
  await page.getByRole("button", { name: "Place the order" }).click();
  await page.getByRole("heading", { name: "Your order is placed" }).waitFor();
}

const browser = await openBrowser();
try {
  if (options.home !== undefined) await take(browser, options.home, async () => {});
  if (options.order !== undefined) await take(browser, options.order, order);
} finally {
  await browser.close();
}

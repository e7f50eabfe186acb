/** A console with its edge, two sites and two users, for the browser tests of a file. */
import { writeFile } from "node:fs/promises";
import * as z from "zod";
import { ConsoleUser } from "../../../protocol/api/console.ts";
import { ErrorResponse } from "../../../protocol/api/envelope.ts";
import { eventually } from "../clock/eventually.ts";
import { freePort } from "../free-port.ts";
import { Cluster, type Connector, type Edge, type TestNetwork } from "../process/cluster.ts";
import { HttpEcho } from "./http-echo.ts";
import { openBrowser, type PageOptions, type TestBrowser } from "./test-browser.ts";
import type { TestPage } from "./test-page.ts";

export interface Account {
  readonly name: string;
  readonly password: string;
}

export const ADMIN: Account = { name: "anna", password: "correct horse battery" };
export const VIEWER: Account = { name: "vera", password: "staple of viewers" };

/** Answers of the edge that a page asks for on purpose, and the browser reports as errors. */
const REFUSED = /Failed to load resource: the server responded with a status of (401|403|429)/;

export class ConsoleStand {
  readonly cluster: Cluster;
  readonly edge: Edge;
  readonly network: TestNetwork;
  readonly east: Connector;
  readonly west: Connector;
  readonly browser: TestBrowser;
  /** Origin of the console's listener on loopback. */
  readonly origin: string;
  /** The target of the service orders in east. */
  readonly server: HttpEcho;

  private constructor(
    parts: Pick<ConsoleStand, "cluster" | "edge" | "network" | "east" | "west" | "browser" | "origin">,
    server: HttpEcho,
  ) {
    this.cluster = parts.cluster;
    this.edge = parts.edge;
    this.network = parts.network;
    this.east = parts.east;
    this.west = parts.west;
    this.browser = parts.browser;
    this.origin = parts.origin;
    this.server = server;
  }

  static async start(): Promise<ConsoleStand> {
    const cluster = await Cluster.create("fl-console-");
    const [browser, server, port, listener] = await Promise.all([
      openBrowser(),
      HttpEcho.start(),
      freePort(),
      freePort(),
    ]);
    const password = cluster.path("password");
    await writeFile(password, `${ADMIN.password}\n`, { mode: 0o600 });
    const edge = await cluster.edge({
      args: [
        ...["--console", "internal", "--console-listen", `127.0.0.1:${port}`],
        ...["--console-user", ADMIN.name, "--console-password-file", password],
      ],
    });
    const viewer = { password: VIEWER.password, role: "viewer" };
    await edge.client.request("PUT", `/v1/console-users/${VIEWER.name}`, ConsoleUser, viewer);
    const network = await cluster.network(edge, "shop");
    const token = await network.token({ uses: 2 });
    const [east, west] = await Promise.all([
      cluster.connector({ site: "east", token, expose: [`orders=127.0.0.1:${server.port}/http`] }),
      cluster.connector({ site: "west", token, listen: [`orders=127.0.0.1:${listener}`] }),
    ]);
    const origin = `http://127.0.0.1:${port}`;
    return new ConsoleStand({ cluster, edge, network, east, west, browser, origin }, server);
  }

  /** URL of a page of the network; of the overview without a path. */
  url(path = ""): string {
    return `${this.origin}/console/networks/shop/${path}`;
  }

  /** Opens a page of the network and signs in by password. */
  async page(path = "", options: PageOptions & { readonly account?: Account } = {}): Promise<TestPage> {
    const { account = ADMIN, ...rest } = options;
    const opened = await this.browser.page(rest);
    await opened.page.goto(this.url(path));
    await signIn(opened, account);
    await opened.page.getByRole("button", { name: `User ${account.name}` }).waitFor();
    return opened;
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.cluster.close();
    await this.server.close();
  }
}

/** Fills in the form of the sign-in page and sends it. */
export async function signIn({ page }: TestPage, { name, password }: Account): Promise<void> {
  await page.getByLabel("User").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Calls the API from within the page, as the page does. Returns the status, and the code of an error. */
export async function callFrom(
  { page }: TestPage,
  method: string,
  path: string,
  body?: object,
): Promise<[status: number, code: string | null]> {
  const headers = { "content-type": "application/json", "fairlead-console": "1" };
  const call = JSON.stringify({ method, headers, ...(body && { body: JSON.stringify(body) }) });
  const answered = await page.evaluate(
    `fetch(${JSON.stringify(path)}, ${call}).then(async (response) => [response.status, await response.text()])`,
  );
  const [status, text] = z.tuple([z.number(), z.string()]).parse(answered);
  return [status, status < 400 ? null : ErrorResponse.parse(JSON.parse(text)).error.code];
}

/** Lets the edge refuse what a page asks, at any time: its session ends during the test. */
export const tolerateRefusals = (opened: TestPage): void => opened.tolerate(REFUSED);

/**
 * Waits until the browser has reported so many refusals of the edge, apart from the answers themselves, and takes them
 * out of the problems of a page.
 * @throws Error when there are others, or further ones
 */
export async function expectRefusals(opened: TestPage, count: number): Promise<void> {
  let found = 0;
  await eventually(`the browser reports ${count} refusals`, () => {
    found += opened.forgive(REFUSED);
    return found >= count;
  });
  if (found !== count) throw new Error(`The edge refused ${found} requests of the page.`);
}

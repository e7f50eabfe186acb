/**
 * The talk's demo, step by step: three sites, their links, the shop across them, and the revocation. Every step runs the
 * commands that it shows, and checks what must be seen.
 */
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { freePort } from "../../support/free-port.ts";
import {
  type Cluster,
  type Connector,
  type Edge,
  type Env,
  eventually,
} from "../../support/process/cluster.ts";
import type { Setting } from "../performance.ts";
import type { Report } from "../report.ts";
import { describeListening } from "../sockets.ts";
import { ApiServers } from "./api-servers.ts";
import { ConsoleVisitor } from "./console-visitor.ts";
import {
  DEPLOYMENTS,
  deploymentOf,
  EXPOSED,
  type Exposed,
  LETTERS,
  SITES,
  type SiteName,
} from "./deployments.ts";
import { expectEqual, expectText } from "./expectation.ts";
import { silentServices } from "./names.ts";
import { Ranges } from "./ranges.ts";
import { type CommandOptions, excerpt, Shell } from "./shell.ts";
import { PRODUCTS, ShopBrowser, type ShopPage } from "./shop-browser.ts";
import { type ShopPrograms, startShop } from "./shop-programs.ts";

const NETWORK = "shop";
const DOMAIN = `${NETWORK}.internal`;
const CONSOLE_USER = "admin";

/** Flows that the console must show: the cluster of a client, and a service of another cluster. */
const FLOWS = [
  "public1 → cartservice",
  "public1 → shippingservice",
  "public2 → productcatalogservice",
  "public2 → paymentservice",
];

/** The running parts after the last step. */
export interface TalkStage {
  readonly edge: Edge;
  readonly sites: Readonly<Record<SiteName, Connector>>;
  /** Login file for FAIRLEAD_CONFIG. */
  readonly login: string;
  readonly shopUrl: string;
  readonly console: Console;
}

export interface Console {
  readonly url: string;
  readonly user: string;
  /** Null for the password of the user's file. */
  readonly password: string | null;
}

/** Output of `edge start --json` about the console. */
const Started = z.object({
  console: z.object({
    url: z.url(),
    user: z.object({ name: z.string(), password: z.string().nullable() }).nullable(),
  }),
});

export interface TalkOptions {
  /** File with a password for the console; one is made unless given. */
  readonly passwordFile: string | undefined;
}

export class Talk {
  readonly #setting: Setting;
  readonly #report: Report;
  readonly #cluster: Cluster;
  readonly #shell: Shell;
  readonly #options: TalkOptions;
  readonly #login: string;

  constructor(setting: Setting, options: TalkOptions) {
    const { report, cluster } = setting;
    this.#setting = setting;
    this.#report = report;
    this.#cluster = cluster;
    this.#options = options;
    this.#shell = new Shell(report, cluster);
    this.#login = cluster.path("login.json");
  }

  /** Runs every step. @throws the error of a failed step */
  async run(): Promise<TalkStage> {
    const ranges = await Ranges.find();
    this.#heading("1", "Install a site in each cluster");
    const [edge, programs, apiServers] = await Promise.all([
      this.#step("edge", () => this.#startEdge()),
      startShop(this.#cluster, ranges, DOMAIN),
      ApiServers.start(this.#setting),
    ]);
    await this.#step("shop", () => this.#showShop(programs, ranges));
    const sites = await this.#step("sites", () => this.#startSites(ranges, apiServers));

    this.#heading("2", "The console signs in by user and password");
    const console = await this.#step("console.user", () => this.#consoleUser(edge));

    this.#heading("3", "Tokens: public1 invites two sites, public2 one");
    await this.#step("tokens", () => this.#createTokens());
    this.#heading("4", "Links: a triangle, and private1 accepts none");
    await this.#step("links", () => this.#createLinks());
    await this.#step("tokens.used_up", () => this.#useTokenAgain());
    this.#heading("5", "Link status, in both directions");
    await this.#step("links.up", () => this.#linkStatus(sites));

    this.#heading("6", "Expose ten services");
    await this.#step("expose", () => this.#expose(ranges));
    await this.#step("names", () => this.#reachAll(ranges));
    this.#heading("7", "Status");
    await this.#step("status", () => this.#status());

    this.#heading("8", "The console");
    const visitor = await this.#step("console", () => this.#openConsole(console));
    this.#heading("9", "The shop");
    const frontend = deploymentOf("frontend");
    const shopUrl = `http://${ranges.hostOf(frontend)}:${frontend.port}/`;
    const browser = new ShopBrowser(shopUrl);
    try {
      await this.#step("page", () => this.#openShop(browser, shopUrl));
      await this.#step("order", () => this.#order(browser));
      await this.#step("flows", () => this.#flows(visitor, browser));
    } finally {
      visitor.close();
    }
    await this.#step("closed", () => this.#listening(edge, sites, programs, ranges));

    this.#heading("10", "Revoke the access that public1 gave");
    await this.#step("revoke", () => this.#revoke());
    await this.#step("links.down", () => this.#linksAfterRevocation(sites));
    await this.#step("rest", () => this.#rest(ranges));
    await this.#step("degraded", () => this.#degraded(browser));
    await this.#step("old-token", () => this.#useRevokedToken());
    this.#heading("", "Recovery: new tokens, and the links again");
    await this.#step("recovery", () => this.#linkAgain());
    await this.#step("recovered", () => this.#recovered(browser));

    this.#heading("11", "Events");
    await this.#step("events", () => this.#events());
    this.#heading("12", "Events of Kubernetes");
    await this.#step("events.kubernetes", () => this.#kubernetesEvents(apiServers));
    return { edge, sites, login: this.#login, shopUrl, console };
  }

  async #startEdge() {
    const own = this.#options.passwordFile;
    const args = ["--console", "internal", "--console-user", CONSOLE_USER];
    if (own !== undefined) args.push("--console-password-file", own);
    const value = await this.#cluster.edge({
      login: true,
      env: { FAIRLEAD_CONFIG: this.#login },
      args: [...args, "--console-listen", `127.0.0.1:${await freePort()}`],
    });
    this.#shell.show("operator", `fairlead edge start ${args.join(" ")}`);
    await this.#operator(["network", "create", NETWORK]);
    return { value, detail: `The edge at ${value.apiUrl} runs on this machine.` };
  }

  async #showShop({ redis }: ShopPrograms, ranges: Ranges) {
    for (const site of SITES) {
      const letter = LETTERS[site];
      this.#shell.show(site, `node examples/shop/… (${namesAt(site)}) &`, {
        skupper: `kubectl apply -f ${site}-cluster/deployment-ms-${letter}.yaml`,
      });
    }
    const where = SITES.map((site) => ranges.all(site)).join(", ");
    const detail = `${DEPLOYMENTS.length} programs run in ${where}, each at an address of its own. redis-cart is ${redis}.`;
    return { value: null, detail };
  }

  async #startSites(ranges: Ranges, apiServers: ApiServers) {
    const started = SITES.map(async (site): Promise<[SiteName, Connector]> => {
      const token = this.#cluster.path(`${site}.yaml`);
      await this.#fairlead(["site", "create", site, "-o", token]);
      const options = {
        site,
        token,
        stateDir: this.#cluster.path(site),
        bind: ranges.services(site),
        args: ["--dns", ranges.dns(site), ...apiServers.options(site)],
        env: { POD_IP: ranges.connector(site) },
      };
      return [site, await this.#cluster.connector(options)];
    });
    const all = await Promise.all(started);
    for (const site of SITES) {
      const files = `--state ${site} --token ${site}.yaml`;
      this.#shell.show("operator", `fairlead site create ${site} -o ${site}.yaml`);
      this.#shell.show(
        site,
        `fairlead connector run --site ${site} ${files} --bind ${ranges.services(site)} --dns ${ranges.dns(site)} ${apiServers.options(site).join(" ")} &`,
        { skupper: "skupper init" },
      );
    }
    await this.#siteStatus(() => "It is not connected to any other site. It sees no services.");
    const detail = "Three sites joined the network. No link connects them yet.";
    const value = Object.fromEntries(all) as Record<SiteName, Connector>;
    return { value, detail };
  }

  /** Runs `status` at each site, and expects these sentences of it. */
  async #siteStatus(sentences: (site: SiteName) => string): Promise<void> {
    const statuses = SITES.map(async (site) => {
      const said = await this.#at(site, ["status"], { skupper: "skupper status", first: 1 });
      expectText(said, `Site "${site}" is joined to network "${NETWORK}". ${sentences(site)}`, "status");
    });
    await Promise.all(statuses);
  }

  async #consoleUser(edge: Edge) {
    const { url, user } = Started.parse(JSON.parse(edge.process.stdout)).console;
    const password = user?.password ?? null;
    await this.#operator(["console", "user", "list"], {
      skupper:
        "skupper init --enable-flow-collector --enable-console --console-user admin --console-password 1234 --console-auth internal",
      skupperAt: "public2",
    });
    expectEqual(user?.name ?? "nobody", CONSOLE_USER, "the user that the edge made");
    const from =
      password === null ? "the password of the file" : "a password that was made, shown at the end";
    return {
      value: { url, user: CONSOLE_USER, password },
      detail: `The console at ${url} has the user ${CONSOLE_USER}, with ${from}.`,
    };
  }

  async #createTokens() {
    const [two, one] = await Promise.all([
      this.#createToken("public1", "public1-token.yaml", 2),
      this.#createToken("public2", "public2-token.yaml", 1),
    ]);
    expectText(two, "It admits 2 sites", "token create --uses 2");
    expectText(one, "It admits one site", "token create");
    return { value: null, detail: "The tokens are files, and expire in 15 minutes." };
  }

  async #createToken(issuer: SiteName, file: string, uses: number): Promise<string> {
    const count = uses === 1 ? [] : ["--uses", String(uses)];
    const args = ["token", "create", "--issuer", issuer, ...count, "-o", this.#cluster.path(file)];
    const said = await this.#operator(args, {
      skupper: ["skupper token create", file, ...count].join(" "),
      skupperAt: issuer,
    });
    return expectText(said, "Token written to", "token create");
  }

  async #createLinks() {
    await Promise.all([
      this.#link("public2", "public1-token.yaml", "link1"),
      this.#link("private1", "public1-token.yaml", "link1"),
    ]);
    await this.#link("private1", "public2-token.yaml", "link2");
    return { value: null, detail: "public2 and private1 linked to public1, and private1 to public2." };
  }

  async #link(site: SiteName, file: string, name: string): Promise<void> {
    const said = await this.#at(site, ["link", "create", this.#cluster.path(file)], {
      skupper: `skupper link create ${file}`,
    });
    expectText(said, "Site configured to link to", "link create");
    expectText(said, `(name=${name})`, "link create");
  }

  async #useTokenAgain() {
    const token = this.#cluster.path("public1-token.yaml");
    const args = ["connector", "run", "--site", "private2", "--state", this.#cluster.path("private2")];
    const said = await this.#shell.run("private2", [...args, "--token", token], { status: 4 });
    expectText(said, "token.used_up", "the third use of a token for two");
    return { value: null, detail: "A third site is refused with the token for two." };
  }

  async #linkStatus(sites: Readonly<Record<SiteName, Connector>>) {
    await eventually("each site shows its links as up", async () => {
      const all = await Promise.all(SITES.map((site) => sites[site].control.links()));
      const lines = all.flatMap(({ links, incoming }) => [...links, ...incoming]);
      return lines.length === 6 && lines.every(({ state }) => state === "up");
    });
    const status = ["link", "status"];
    const skupper = "skupper link status";
    const [public2, private1, public1] = await Promise.all([
      this.#at("public2", status, { skupper }),
      this.#at("private1", status, { skupper }),
      this.#at("public1", status, { skupper: `${skupper} --show-incoming-links` }),
    ]);
    expectText(public2, "Link link1 to public1 is connected", "link status at public2");
    expectText(private1, "Link link1 to public1 is connected", "link status at private1");
    expectText(private1, "Link link2 to public2 is connected", "link status at private1");
    for (const site of ["public2", "private1"]) {
      const sentence = `A link from site ${site} (link1) is connected to this site`;
      expectText(public1, sentence, "link status at public1");
    }
    return { value: null, detail: "Three links are up, and each end shows its own." };
  }

  async #expose(ranges: Ranges) {
    const exposureOf = (service: Exposed): string => {
      const { name, port, servicePort, protocol } = service;
      const asked = servicePort === undefined ? name : `${name}:${servicePort}`;
      return `${asked}=${ranges.hostOf(service)}:${port}/${protocol}`;
    };
    const exposing = EXPOSED.map(async (service) => {
      const said = await this.#quietly(service.site, ["expose", exposureOf(service)]);
      expectText(said, `Service "${service.name}" is offered`, `expose ${service.name}`);
    });
    await Promise.all(exposing);
    for (const service of EXPOSED) {
      const { name, site, port, servicePort = port, protocol } = service;
      const ports = `--port ${servicePort} --protocol ${protocol} --target-port ${port}`;
      const skupper = `skupper expose deployment ${name} --address ${name} ${ports}`;
      this.#shell.show(site, `fairlead expose ${exposureOf(service)}`, { skupper });
    }
    return { value: null, detail: `${EXPOSED.length} services are offered: nine by gRPC, and Redis by TCP.` };
  }

  async #reachAll(ranges: Ranges) {
    await eventually("every service answers in every cluster", async () => {
      const silent = await silentServices(ranges, DOMAIN);
      if (silent.length > 0)
        throw new Error(
          silent.map(({ site, name, problem }) => `${name} from ${site}: ${problem}`).join("; "),
        );
      return true;
    });
    const calls = EXPOSED.length * SITES.length;
    return {
      value: null,
      detail: `All ten answer from all three clusters, by names such as cartservice.${DOMAIN} that the cluster's DNS knows: ${calls} of ${calls} calls.`,
    };
  }

  async #status() {
    const [said] = await Promise.all([
      this.#operator(["status"], {
        ...{ skupper: "skupper network status", skupperAt: "public1" },
        first: 2,
      }),
      this.#siteStatus((site) => {
        const own = EXPOSED.filter((each) => each.site === site).length;
        return `It is connected to 2 other sites. It sees ${EXPOSED.length} services, ${own} of them its own.`;
      }),
    ]);
    expectText(said, `Network "${NETWORK}" has 3 sites, all of them up.`, "status");
    expectText(said, "The console is at", "status");
    return { value: null, detail: "Each site is connected to the two others, and sees ten services." };
  }

  async #openConsole({ url, user, password }: Console) {
    const text = password ?? (await this.#ownPassword());
    const visitor = await ConsoleVisitor.signIn(url, user, text);
    const { sites, links } = await visitor.status(NETWORK);
    expectEqual(sites.filter(({ state }) => state === "up").length, 3, "sites that the console shows as up");
    expectEqual(links.filter(({ state }) => state === "up").length, 3, "links that the console shows as up");
    await visitor.watch(NETWORK);
    const detail = `${user} signed in at ${url}: 3 sites and 3 links, all up.`;
    return { value: visitor, detail };
  }

  async #ownPassword(): Promise<string> {
    const text = await readFile(this.#options.passwordFile ?? "", "utf8");
    return text.split(/\r?\n/, 1)[0] ?? "";
  }

  async #openShop(browser: ShopBrowser, url: string) {
    this.#shell.show("public1", `firefox ${url}`, {
      skupper: "firefox http://$(kubectl get service frontend-external -o=jsonpath='{.spec.clusterIP}')/",
    });
    const page = await eventually("the page of the shop is whole", async () => {
      const shown = await browser.get("/");
      return awayParts(shown).length === 0 ? shown : null;
    });
    expectEqual(page.status, 200, "the status of the page");
    for (const text of ["Sunglasses", "$19.99", 'class="ad"', "You may also like"])
      expectText(page.text, text, "the page");
    return {
      value: null,
      detail: `The page at ${url} has products, prices, recommendations and an advertisement.`,
    };
  }

  async #order(browser: ShopBrowser) {
    for (const product of PRODUCTS) await browser.addToCart(product);
    await eventually("the cart has both products", async () => {
      const { text } = await browser.get("/cart");
      return (
        PRODUCTS.every((product) => text.includes(`/product/${product}`)) && !text.includes("not available")
      );
    });
    const { status, text } = await browser.placeOrder();
    expectText(text, "Your order is placed", "the page after the order");
    expectEqual(status, 200, "the status of the order");
    for (const site of SITES) expectText(text, `<h3>${site}</h3>`, "the order's list of clusters");
    const tracking = /id="tracking">([^<]+)/.exec(text)?.[1] ?? "";
    return {
      value: null,
      detail: `An order went from public1 to public2 and on to private1 and back: tracking id ${tracking}.`,
    };
  }

  async #flows(visitor: ConsoleVisitor, browser: ShopBrowser) {
    const pairs = await eventually("the console shows the shop's flows", async () => {
      // A connector knows the process of a new connection a moment after its first request.
      await browser.get("/");
      const { groups } = await visitor.traffic(NETWORK);
      const between = groups.filter(({ from, to }) => from !== null && to !== null && from.id !== to.id);
      const found = new Set(between.map(({ from, service }) => `${from?.name} → ${service}`));
      const missing = FLOWS.filter((each) => !found.has(each));
      if (missing.length > 0)
        throw new Error(`${missing.join(", ")} is not among ${[...found].join(", ") || "no flows"}`);
      return between;
    });
    const ways = new Set(pairs.map(({ process, service }) => `${process} → ${service}`));
    const components = new Set(pairs.flatMap(({ process, service }) => [process, service]));
    const detail = `The console shows ${components.size} components and ${ways.size} flows between clusters, by process and service.`;
    return { value: null, detail };
  }

  async #listening(
    edge: Edge,
    sites: Readonly<Record<SiteName, Connector>>,
    { processes }: ShopPrograms,
    ranges: Ranges,
  ) {
    const of = (site: SiteName) => ({
      pids: [sites[site].process.pid, ...(processes.get(site) ?? []).map(({ pid }) => pid)],
      range: ranges.all(site),
    });
    const detail = await describeListening({
      edge: { pids: [edge.process.pid], range: "127.0.0.1/32" },
      public1: of("public1"),
      public2: of("public2"),
      private1: of("private1"),
    });
    return { value: null, detail };
  }

  async #revoke() {
    const unused = this.#cluster.path("unused-token.yaml");
    await this.#fairlead(["token", "create", "--issuer", "public1", "-o", unused]);
    const said = await this.#operator(["revoke-access", "--issuer", "public1", "--yes"], {
      skupper: "skupper revoke-access",
      skupperAt: "public1",
    });
    expectText(said, "Access given by public1 is revoked", "revoke-access");
    expectText(said, "2 links", "revoke-access");
    return { value: null, detail: "Two links ended at once, and the tokens of public1." };
  }

  async #linksAfterRevocation(sites: Readonly<Record<SiteName, Connector>>) {
    const joiners = ["public2", "private1"] as const;
    const afterwards = joiners.map((site) =>
      eventually(`${site} shows the revoked link`, async () => {
        const { links } = await sites[site].control.links();
        return links.some(({ code }) => code === "link.revoked");
      }),
    );
    await Promise.all(afterwards);
    const shown = { skupper: "skupper link status" };
    const [public2, private1] = await Promise.all([
      this.#at("public2", ["link", "status"], shown),
      this.#at("private1", ["link", "status"], shown),
    ]);
    const revoked = "Link link1 to public1 is not connected (link.revoked)";
    expectText(public2, revoked, "link status at public2");
    expectText(private1, revoked, "link status at private1");
    expectText(private1, "Link link2 to public2 is connected", "link status at private1");
    expectText(public2, "A link from site private1 (link2) is connected", "link status at public2");
    return {
      value: null,
      detail: "Exactly two links are down; the one from private1 to public2 is up.",
    };
  }

  async #rest(ranges: Ranges) {
    await eventually("public2 and private1 reach everything but public1", async () => {
      const silent = await silentServices(ranges, DOMAIN, ["public2", "private1"]);
      const lost = EXPOSED.filter(({ site }) => site === "public1").length * 2;
      const unexpected = silent.filter(({ name }) => deploymentOf(name).site !== "public1");
      if (unexpected.length > 0 || silent.length !== lost)
        throw new Error(
          `silent are ${silent.map(({ site, name }) => `${name} from ${site}`).join(", ") || "none"}`,
        );
      return true;
    });
    const detail =
      "public2 and private1 reach each other's services as before, so checkout can ask for payment and shipping, and none of public1's.";
    return { value: null, detail };
  }

  async #degraded(browser: ShopBrowser) {
    const away = ["Currencies are", "The cart is", "Advertisements are"];
    const page = await eventually("the page of the shop says what is away", async () => {
      const shown = await browser.get("/");
      return away.every((text) => shown.text.includes(`${text} not available.`)) ? shown : null;
    });
    expectEqual(page.status, 200, "the status of the page");
    for (const text of ["Sunglasses", "$19.99"]) expectText(page.text, text, "the page");
    const cart = await browser.get("/cart");
    expectText(cart.text, "The cart is not available.", "the page of the cart");
    const detail =
      "The page of public1 has its products, and says that currencies, cart and advertisements are not available.";
    return { value: null, detail };
  }

  async #useRevokedToken() {
    const args = ["link", "create", this.#cluster.path("unused-token.yaml")];
    const said = await this.#at("public2", args, {
      status: 4,
      skupper: "skupper link create unused-token.yaml",
    });
    expectText(said, "token.revoked", "the use of a revoked token");
    return { value: null, detail: "A token that nobody had used yet is refused as well." };
  }

  async #linkAgain() {
    await this.#createToken("public1", "new-token.yaml", 2);
    await Promise.all([
      this.#link("public2", "new-token.yaml", "link1"),
      this.#link("private1", "new-token.yaml", "link1"),
    ]);
    return { value: null, detail: "The new links replace the revoked ones; nothing was deleted first." };
  }

  async #recovered(browser: ShopBrowser) {
    const began = performance.now();
    await eventually("the page of the shop is whole again", async () => {
      const shown = await browser.get("/");
      return awayParts(shown).length === 0 && shown.text.includes("$19.99");
    });
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    await browser.addToCart(PRODUCTS[0]);
    const order = await eventually("an order is placed again", async () => {
      const page = await browser.placeOrder();
      return page.text.includes("Your order is placed") ? page : null;
    });
    expectText(order.text, "<h3>private1</h3>", "the order's list of clusters");
    return { value: null, detail: `The page was whole again after ${seconds} s, and an order was placed.` };
  }

  async #events() {
    const said = await this.#operator(["events", "--all"], {
      ...{ skupper: "skupper debug events", skupperAt: "public1" },
      last: 12,
    });
    const count = (type: string) => said.split("\n").filter((line) => line.includes(` ${type} `)).length;
    for (const type of ["site.joined", "link.created", "link.up", "access.revoked", "token.refused"])
      if (count(type) === 0) throw new Error(`The events have no ${type}.`);
    const appeared = EXPOSED.filter(
      ({ name }) => !new RegExp(`service\\.appeared .*\\b${name}\\b`).test(said),
    );
    if (appeared.length > 0)
      throw new Error(
        `No event says that these services appeared: ${appeared.map(({ name }) => name).join(", ")}.`,
      );
    return {
      value: null,
      detail: `${said.trim().split("\n").length} events tell all of it: who joined, linked, offered and revoked.`,
    };
  }

  async #kubernetesEvents(apiServers: ApiServers) {
    for (const site of SITES) {
      await eventually(`the Events in ${site}`, async () => {
        const told = (await apiServers.events(site)).map(({ reason, note }) => `${reason} ${note}`);
        const missing = kubernetesEventsOf(site).filter(
          (each) => !told.some((text) => text.startsWith(each)),
        );
        if (missing.length > 0) throw new Error(`${missing.join("; ")} is not among ${told.join("; ")}`);
        return true;
      });
    }
    for (const site of SITES) {
      const columns = "custom-columns=REASON:.reason,MESSAGE:.message";
      const args = ["get", "events", "--namespace", site, "--sort-by", ".eventTime", "--output", columns];
      const output = await apiServers.kubectl(site, args);
      if (output === null) continue;
      const shown = { skupper: "kubectl get events", output: excerpt(output.trimEnd(), 9) };
      this.#shell.show(site, ["kubectl", ...args].join(" "), shown);
    }
    return {
      value: null,
      detail: "Each cluster's Events tell of its tokens, links and services, with Skupper's reasons.",
    };
  }

  #heading(number: string, title: string): void {
    this.#report.line(`\n${number === "" ? "" : `${number}. `}${title}`, "bold");
  }

  async #step<T>(name: string, act: () => Promise<{ value: T; detail: string }>): Promise<T> {
    return await this.#report.step(name, async () => ({ ...(await act()), commands: this.#shell.take() }));
  }

  /** Runs and shows a command with the login at the edge. */
  async #operator(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return await this.#shell.run("operator", args, { ...options, env: { FAIRLEAD_CONFIG: this.#login } });
  }

  /** Runs and shows a command at a site. */
  async #at(site: SiteName, args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return await this.#shell.run(site, args, { ...options, env: this.#environmentOf(site) });
  }

  /** Runs a command at a site without showing it. */
  async #quietly(site: SiteName, args: readonly string[]): Promise<string> {
    return await this.#succeed(args, this.#environmentOf(site));
  }

  /** Runs a command with the login at the edge without showing it. */
  async #fairlead(args: readonly string[]): Promise<string> {
    return await this.#succeed(args, { FAIRLEAD_CONFIG: this.#login });
  }

  async #succeed(args: readonly string[], env: Env): Promise<string> {
    const { status, stdout, stderr } = await this.#cluster.fairlead(args, env);
    if (status !== 0) throw new Error(`fairlead ${args.join(" ")} ended with status ${status}:\n${stderr}`);
    return stdout;
  }

  #environmentOf(site: SiteName): Env {
    return { FAIRLEAD_STATE: this.#cluster.path(site) };
  }
}

/** The beginnings of Events that must be in a cluster. */
function kubernetesEventsOf(site: SiteName): readonly string[] {
  const links: Readonly<Record<SiteName, readonly string[]>> = {
    public1: ["ServiceSyncEvent Service sync receiver connection to public2 established"],
    public2: ["TokenHandler Connecting using token link1", 'LinkManagement Created link "link1"'],
    private1: ["TokenHandler Connecting using token link2", 'LinkManagement Created link "link2"'],
  };
  const services = EXPOSED.map(({ name, site: of }) =>
    of === site
      ? `ServiceManagement Service ${name} exposed`
      : `ServiceControllerCreateEvent Creating service ${name}`,
  );
  return [...links[site], ...services];
}

const namesAt = (site: SiteName) =>
  DEPLOYMENTS.filter((each) => each.site === site)
    .map(({ name }) => name)
    .join(", ");

/** What a page says is not available. */
const awayParts = ({ text }: ShopPage): readonly string[] => text.match(/[\w ]+ not available/g) ?? [];

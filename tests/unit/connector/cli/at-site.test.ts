/** The commands that talk to the connector on the same machine, over a real control socket. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { controlRoutes } from "../../../../connector/control/routes.ts";
import {
  type Links,
  OfferLine,
  type Services,
  type Status,
  type Trouble,
} from "../../../../connector/control/schema.ts";
import { serveControl } from "../../../../connector/control/server.ts";
import { offerLines } from "../../../../connector/control/view.ts";
import { ERRORS, FairleadError } from "../../../../protocol/errors.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { id } from "../../../support/edge/fake-edge.ts";
import { makeWorld, NOW, type World } from "../../../support/process/cli-world.ts";

let world: World;
let state: string;
let status: Status;
let close: () => Promise<void>;
/** What `link create` asked for, and how it is refused. */
let linked: unknown[];
let refusal: FairleadError | null;
/** The health checks of the last request to offer a service. */
let givenChecks: readonly string[] | undefined;
/** What `expose` warns of. */
let warning: Trouble | undefined;

beforeEach(async () => {
  world = await makeWorld();
  linked = [];
  refusal = null;
  warning = undefined;
  state = join(world.dir, "state", "fairlead", "sites", "west");
  await mkdir(state, { recursive: true });
  status = {
    site: { id: id("s", 1), name: "west" },
    network: { id: id("n", 1), name: "shop" },
    edge: "https://edge.example",
    boot: id("b", 1),
    software: "fairlead/0.1.0",
    uplink: { state: "up", since: "2026-11-20T10:00:00.000Z" },
    certificateExpiresAt: "2026-11-21T10:05:00.000Z",
    otherSites: 2,
    links: [
      {
        id: id("l", 1),
        name: "link1",
        issuer: "public1",
        state: "up",
        cost: 1,
        since: "2026-11-20T10:02:00.000Z",
        rtt: 12.4,
      },
    ],
    incoming: [],
    services: [
      {
        name: "api",
        protocol: "http",
        port: 9000,
        sites: ["east"],
        listener: { address: "127.0.0.1:9000", state: "listening" },
      },
    ],
    offers: [],
    sessions: [],
  };
  const control = await serveControl(
    state,
    controlRoutes({
      status: async () => status,
      services: (): Services => status,
      links: async (): Promise<Links> => ({ links: status.links, incoming: status.incoming }),
      sessions: () => ({ sessions: [] }),
      configuration: () => ({}),
      logs: () => ({ lines: [] }),
      flows: () => [],
      connect: async ({ port }) => {
        if (port === 9000) return { site: "east", session: null, stream: 3, ms: 12.34 };
        throw new FairleadError("service.refused");
      },
      expose: async (request) => {
        givenChecks = request.health;
        const before = status.offers.find(({ name }) => name === request.name);
        status.offers = status.offers.filter((offer) => offer !== before);
        const ports = request.ports.map(({ protocol = "tcp", ...port }) => ({ ...port, protocol }));
        const [line] = offerLines([{ ...request, ports }], []);
        if (line === undefined) throw new Error("The request has no port.");
        status.offers.push(line);
        const movedFrom = before && { host: before.host, port: before.port };
        return { ...line, movedFrom, configured: before && true, warning };
      },
      unexpose: async (name) => {
        if (!status.offers.some((offer) => offer.name === name)) throw new FairleadError("service.unknown");
        status.offers = status.offers.filter((offer) => offer.name !== name);
      },
      link: async (token, wishes) => {
        linked.push({ claim: token.spec.claim, ...wishes });
        if (refusal !== null) throw refusal;
        return { id: id("l", 2), name: wishes.name ?? "link2", issuer: "public2", edge: status.edge };
      },
      unlink: async (name) => {
        if (!status.links.some((link) => link.name === name)) throw new FairleadError("link.unknown");
        status.links = status.links.filter((link) => link.name !== name);
      },
      move: async ({ api, gateway = "https://gateway.example" }) => {
        status.edge = api;
        return { site: status.site.name, edge: api, gateway };
      },
    }),
  );
  close = () => control.close();
});
afterEach(async () => {
  await close();
  await world.remove();
});

test("status begins with one sentence about the site", async () => {
  const { out } = await world.run("status", "--state", state);
  expect(out.split("\n")[0]).toBe(
    'Site "west" is joined to network "shop". It is connected to 2 other sites. It sees 1 service.',
  );
  expect(out).toMatch(/uplink +up, since 5m ago/);
  expect(out).toContain("Link link1 to public1 is connected, cost 1, since 3m ago, round trip 12 ms");
  expect(out).toMatch(/api +127\.0\.0\.1:9000 +listening/);
  world.env.FAIRLEAD_STATE = state;
  expect(await world.json("status")).toEqual(status);
});

test("status shows the cluster of a connector, and the rights that it lacks there", async () => {
  status.kubernetes = {
    server: "https://10.96.0.1:443",
    namespace: "fairlead",
    watched: ["shop", "billing"],
    imports: [],
    api: { state: "down", since: "2026-11-20T10:02:00.000Z", message: "The API server does not answer." },
    leads: false,
    missingRights: [
      { verb: "list", resource: "services", namespace: "shop" },
      { verb: "watch", resource: "namespaces", namespace: null },
    ],
    watchFailures: 3,
    writeFailures: 0,
  };
  const { out } = await world.run("status", "--state", state);
  const details = out.split("\n").map((line) => line.trim().replace(/ {2,}/, ": "));
  for (const detail of [
    "cluster: https://10.96.0.1:443, namespace fairlead",
    expect.stringMatching(/^API server: down, since /),
    "why: The API server does not answer.",
    "exports from: shop, billing",
    "Services in: no namespace",
    "writes: another connector of the site, or none",
    "missing rights: list services in shop; watch namespaces in all namespaces",
    "do: Give the connector's ServiceAccount these rights.",
  ]) {
    expect(details).toContainEqual(detail);
  }
  expect(await world.json("status", "--state", state)).toEqual(status);
});

test.each([
  [[], [], 0, "It is not connected to any other site. It sees no services."],
  [[], ["db"], 1, "It is connected to 1 other site. It sees 1 service, its own."],
  [[], ["db", "web"], 2, "It is connected to 2 other sites. It sees 2 services, all its own."],
  [
    ["api", "db"],
    ["db", "web"],
    2,
    "It is connected to 2 other sites. It sees 3 services, 2 of them its own.",
  ],
])(
  "status counts the services %j of other sites and %j of its own once, and %i sites",
  async (seen, own, sites, sentences) => {
    const [line] = status.services;
    if (line === undefined) throw new Error("The status has no service.");
    status.services = seen.map((name) => ({ ...line, name }));
    status.offers = offerLines(
      own.map((name) => ({ name, ports: [{ protocol: "tcp", targets: [{ host: "127.0.0.1", port: 1 }] }] })),
      [],
    );
    status.otherSites = sites;
    const { out } = await world.run("status", "--state", state);
    expect(out.split("\n")[0]).toBe(`Site "west" is joined to network "shop". ${sentences}`);
  },
);

test("status says why the uplink is down, and what to do", async () => {
  status.otherSites = null;
  status.uplink = {
    state: "refused",
    since: "2026-11-20T10:04:00.000Z",
    code: "site.revoked",
    message: "The site was revoked.",
    action: "Join again.",
  };
  const { out } = await world.run("status", "--state", state);
  expect(out).toContain('joined to network "shop". It is not connected to the edge.');
  expect(out).toMatch(/why +The site was revoked\. \(site\.revoked\)\n +do +Join again\./);
});

test("check --connect opens a connection, and says where it ended or why it failed", async () => {
  const made = await world.run("check", "api", "--connect", "--port", "9000", "--state", state);
  expect(made.out).toContain("A connection was opened in 12 ms: a target at site east accepted it.");
  expect(await world.json("check", "api", "--connect", "--port", "9000", "--state", state)).toMatchObject({
    service: "api",
    connection: { site: "east", ms: 12.34 },
  });
  const failed = await world.run("check", "api", "--connect", "--state", state);
  expect(failed.exit).toBe(7);
  expect(failed.out).toMatch(/A connection was tried and failed: .* \(service\.refused\)\n {2}do: Start/);
  const other = await world.run("check", "api", "--connect", "--from", "north", "--state", state);
  expect([other.exit, other.err]).toEqual([2, expect.stringContaining("--connect opens a connection from")]);
});

test("status shows the round trip, a clock that is wrong, and a certificate that is not renewed", async () => {
  status.uplink.rtt = 7.26;
  status.clockSkewMs = 190_000;
  status.renewal = { code: "edge.internal", message: "no luck" };
  const { out } = await world.run("status", "--state", state);
  expect(out).toMatch(/round trip +7\.3 ms/);
  expect(out).toMatch(/clock +3m10s behind the edge's; correct it/);
  expect(out).toMatch(/certificate ends +in 1d; it could not be renewed yet: no luck \(edge\.internal\)/);
  status.clockSkewMs = -12_000;
  expect((await world.run("status", "--state", state)).out).toMatch(/clock +12s ahead of the edge's/);
  status.clockSkewMs = 0;
  expect((await world.run("status", "--state", state)).out).not.toContain("clock");
});

const DNS_SERVERS: NonNullable<Status["dns"]>["servers"] = [
  { address: "127.0.0.2:5300", state: "listening" },
];

test("status shows where DNS answers, and why a server does not", async () => {
  status.dns = { domain: "shop.internal", servers: DNS_SERVERS };
  const { out } = await world.run("status", "--state", state);
  expect(out).toMatch(/DNS +SERVICE\.shop\.internal at 127\.0\.0\.2:5300\n/);
  const { action } = ERRORS["dns.port_taken"];
  const failed = { address: "[::1]:53", state: "failed", code: "dns.port_taken", action } as const;
  status.dns = { domain: "shop.internal", servers: [...DNS_SERVERS, failed] };
  const { out: other } = await world.run("status", "--state", state);
  expect(other).toMatch(/at 127\.0\.0\.2:5300, \[::1\]:53 \(dns\.port_taken\)\n +do +Choose/);
});

test("dns config prints the text alone, and says where it belongs aside", async () => {
  status.dns = { domain: "shop.internal", servers: DNS_SERVERS };
  const { out, err, exit } = await world.run("dns", "config", "dnsmasq", "--state", state);
  expect(exit).toBe(0);
  expect(out).toBe("server=/shop.internal/127.0.0.2#5300\nrebind-domain-ok=/shop.internal/\n");
  expect(err).toContain("/etc/dnsmasq.d/fairlead.conf");
  world.env.FAIRLEAD_STATE = state;
  expect(await world.json("dns", "config", "dnsmasq")).toMatchObject({
    ...{ resolver: "dnsmasq", text: out, servers: ["127.0.0.2:5300"], domains: ["shop.internal"] },
    reload: "systemctl restart dnsmasq",
  });
});

test("dns config asks no connector when the command names servers and domains", async () => {
  const { out } = await world.run(
    ...["dns", "config", "coredns", "--server", "10.0.0.2", "--domain", "a.internal", "--state", "./none"],
  );
  expect(out).toContain("forward . 10.0.0.2:53");
});

test("dns config fails where the connector answers no DNS", async () => {
  const { exit, err } = await world.run("dns", "config", "resolved", "--state", state);
  expect([exit, err]).toEqual([5, expect.stringContaining("dns.off")]);
});

test("expose --to offers a service to some sites only, and service status shows which", async () => {
  const made = await world.run("expose", "db=5432", "--to", "east,north", "--to", "east", "--state", state);
  expect(made.out).toBe('Service "db" is offered from 127.0.0.1:5432 (tcp), to east, north only.\n');
  expect(status.offers).toMatchObject([{ name: "db", to: ["east", "north"] }]);
  await world.run("expose", "web=80", "--state", state);
  const { out } = await world.run("service", "status", "--state", state);
  expect(out).toMatch(/db +127\.0\.0\.1:5432 +tcp +east, north/);
  expect(out).toMatch(/web +127\.0\.0\.1:80 +tcp +all sites/);
  const wrong = await world.run("expose", "db=5432", "--to", "East", "--state", state);
  expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining("--to")]);
});

test("expose --health gives the service checks, of all its ports or of one", async () => {
  const checks = ["--health", "http:/up,status=200", "--health", "9100=tcp"];
  await world.run("expose", "web=80/http", ...checks, "--state", state);
  expect(givenChecks).toEqual(["web=http:/up,status=200", "web:9100=tcp"]);
  await world.run("expose", "web=80/http", "--state", state);
  expect(givenChecks).toBeUndefined();
  const wrong = await world.run("expose", "web=80", "--health", "ping", "--state", state);
  expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining("--health")]);
});

test("service status shows an offer that the network does not take, and what to do", async () => {
  const refused = { code: "service.forbidden", message: "west may not offer db", action: "Ask an operator." };
  status.offers = [{ name: "db", host: "127.0.0.1", port: 1, protocol: "tcp", refused }];
  const { out } = await world.run("service", "status", "--state", state);
  expect(out).toMatch(/db +127\.0\.0\.1:1 +tcp +service\.forbidden/);
  expect(out).toContain("The network refused the offer of db: west may not offer db\n  do: Ask an operator.");
});

test("service status shows what is published by hostnames, what is not, and why", async () => {
  status.ingress = [
    { hostname: "shop.example.com", service: "web", access: "open", state: "published", granted: true },
    {
      ...{ hostname: "app.example.com", service: "web", access: "key", state: "refused", granted: false },
      ...{
        code: "ingress.not_granted",
        message: "The network has no app.example.com.",
        action: "Ask an admin.",
      },
    },
  ];
  const { out } = await world.run("service", "status", "--state", state);
  expect(out).toMatch(/shop\.example\.com +web +open +published/);
  expect(out).toMatch(/app\.example\.com +web +key +refused +ingress\.not_granted/);
  expect(out).toContain(
    "app.example.com is not published: The network has no app.example.com.\n  do: Ask an admin.",
  );
  expect(await world.json("service", "status", "--state", state)).toMatchObject({ ingress: status.ingress });
});

test("expose and unexpose change what the site offers", async () => {
  const made = await world.run("expose", "db=[::1]:5432", "--state", state);
  expect(made.out).toBe('Service "db" is offered from [::1]:5432 (tcp).\n');
  expect(status.offers).toMatchObject([{ name: "db", host: "::1", port: 5432, protocol: "tcp" }]);
  expect((await world.run("service", "status", "--state", state)).out).toMatch(/db +\[::1\]:5432 +tcp/);
  expect((await world.run("unexpose", "db", "--state", state)).exit).toBe(0);
  expect((await world.run("unexpose", "db", "--state", state)).exit).toBe(4);
});

test("expose says which port a service has, and where it has moved from", async () => {
  const made = await world.run("expose", "web:8080=3000", "--state", state);
  expect(made.out).toBe('Service "web" is offered at port 8080 from 127.0.0.1:3000 (tcp).\n');
  const moved = await world.run("expose", "web:8080=3001", "--state", state);
  expect(moved.out.split("\n")).toEqual([
    'Service "web" is offered at port 8080 from 127.0.0.1:3001 (tcp).',
    "New connections go there; open ones stay with 127.0.0.1:3000.",
    "The next start uses the configuration of the connector again.",
    "",
  ]);
  const { out } = await world.run("service", "status", "--state", state);
  expect(out).toMatch(/OFFERED HERE +PORT +TARGET/);
  expect(out).toMatch(/web +8080 +127\.0\.0\.1:3001/);
});

test("service status shows the targets that are down, since when and why, and what to do", async () => {
  const since = new Date(NOW - 120_000).toISOString();
  const up = { state: "up", since, open: 3 } as const;
  const down = {
    ...{ state: "down", since, open: 0, code: "service.check_failed" },
    ...{ message: "The target answered GET /up with status 503.", action: "Check the server." },
  } as const;
  const port = (servicePort: number, ...targets: object[]) => ({
    ...{ servicePort, networkPort: servicePort, protocol: "http" },
    targets: [{ host: "10.0.0.1", port: 80 }],
    health: { state: targets.every((each) => each === gone) ? "down" : "up", since, targets },
  });
  const gone = { ...down, target: "10.0.0.9:80" };
  const line = OfferLine.parse({
    ...{ name: "api", host: "10.0.0.1", port: 80, protocol: "http" },
    ports: [
      port(8080, { ...up, target: "10.0.0.1:80" }, { ...down, target: "10.0.0.2:80" }),
      port(
        9090,
        { ...up, target: "db.local:80", address: "127.0.0.1" },
        { ...down, target: "db.local:80", address: "::1" },
      ),
      port(9091, gone),
    ],
  });
  const last = line.ports?.[2]?.health;
  if (last !== undefined) last.withdrawn = true;
  status.offers = [line];
  const { out } = await world.run("service", "status", "--state", state);
  expect(out).toMatch(/api +8080 .* 1 of 2 up +http/);
  expect(out).toMatch(/api +9090 .* up +http/);
  expect(out).toMatch(/api +9091 .* down +http/);
  const details = out.split("\n");
  expect(details.slice(details.findIndex((text) => text.startsWith("The target")))).toEqual([
    "The target 10.0.0.2:80 of api is down since 2m ago: The target answered GET /up with status 503. (service.check_failed)",
    "  do: Check the server.",
    "The target 10.0.0.9:80 of api is down since 2m ago: The target answered GET /up with status 503. (service.check_failed)",
    "  do: Check the server.",
    "Other sites do not use api at port 9091 here until a target is up.",
    "",
  ]);
});

test("service status shows what a controller offers, with many targets and with none", async () => {
  const targets = Array.from({ length: 12 }, (_, at) => ({ host: `10.0.0.${at}`, port: 8080 }));
  const portWith = (some: typeof targets) => [{ servicePort: 80, protocol: "tcp" as const, targets: some }];
  status.offers = offerLines(
    [
      { name: "cart", source: "Service shop/cart", ports: portWith(targets) },
      { name: "idle", source: "Deployment shop/idle", ports: portWith([]) },
    ],
    [],
  );
  const { out } = await world.run("service", "status", "--state", state);
  expect(out).toMatch(/OFFERED HERE +FOR +PORT +TARGET/);
  expect(out).toMatch(/cart +Service shop\/cart +80 +10\.0\.0\.0:8080, .*10\.0\.0\.7:8080 and 4 more +tcp/);
  expect(out).toMatch(/idle +Deployment shop\/idle +80 +none +tcp/);
});

test("expose warns of a target without a server, and succeeds", async () => {
  warning = { code: "service.refused", message: "The target cannot be reached.", action: "Start it." };
  const { out, exit } = await world.run("expose", "web=80", "--state", state);
  expect(exit).toBe(0);
  expect(out.split("\n").slice(1)).toEqual([
    "No server answers at the target: The target cannot be reached. (service.refused)",
    "  do: Start it.",
    "",
  ]);
  expect(await world.json("expose", "web=80", "--state", state)).toMatchObject({ name: "web", warning });
});

test("the only site of the machine needs no --state", async () => {
  world.env.XDG_STATE_HOME = join(world.dir, "state");
  expect((await world.run("link", "status")).out).toContain("Link link1 to public1 is connected");
  await mkdir(join(state, "..", "east"));
  const several = await world.run("link", "status");
  expect([several.exit, several.err]).toEqual([6, expect.stringContaining("(east, west)")]);
});

test("link status shows the links of this site and those of others to it", async () => {
  status.links = [];
  expect((await world.run("link", "status", "--state", state)).out).toBe(
    "There are no links configured or connected.\n",
  );
  status.incoming = [
    { id: id("l", 3), name: "link1", joiner: "private1", state: "up", cost: 2, rtt: null },
    {
      id: id("l", 4),
      name: "link1",
      joiner: "public2",
      state: "down",
      code: "link.revoked",
      action: "Get a new token.",
      since: "2026-11-20T10:04:00.000Z",
      rtt: null,
    },
  ];
  const { out } = await world.run("link", "status", "--state", state);
  expect(out).toBe(
    [
      "Links created from this site:",
      "  There are none.",
      "Links from other sites:",
      "  A link from site private1 (link1) is connected to this site, cost 2.",
      "  The link from site public2 (link1) is not connected (link.revoked), since 1m ago.",
      "    do: Get a new token.",
      "",
    ].join("\n"),
  );
  expect(await world.json("link", "status", "--state", state)).toEqual({
    links: [],
    incoming: status.incoming,
  });
});

test("link status NAME shows one link, and knows when there is none", async () => {
  const [link] = status.links;
  if (link === undefined) throw new Error("no link");
  status.links.push({ ...link, id: id("l", 2), name: "link2", issuer: "public2" });
  const { out } = await world.run("link", "status", "link2", "--state", state);
  expect(out).toContain("link2 to public2");
  expect(out).not.toContain("link1");
  const unknown = await world.run("link", "status", "link3", "--state", state);
  expect([unknown.exit, unknown.err]).toEqual([4, expect.stringContaining("code: link.unknown")]);
});

test("link status --wait waits, and gives up with the link's own code", async () => {
  const [link] = status.links;
  if (link === undefined) throw new Error("no link");
  link.state = "down";
  link.code = "uplink.lost";
  const soon = setTimeout(() => {
    link.state = "up";
  }, 100);
  expect((await world.run("link", "status", "--state", state, "--wait", "10")).exit).toBe(0);
  clearTimeout(soon);
  link.state = "down";
  const ran = await world.run("link", "status", "--state", state);
  expect(ran.exit).toBe(0);
  expect(ran.out).toContain("Link link1 to public1 is not connected (uplink.lost)");
  let looks = 0;
  world.now = () => NOW + 500 * looks++;
  const late = await world.run("link", "status", "--state", state, "--wait", "1s");
  expect([late.exit, late.err]).toEqual([6, expect.stringContaining("code: uplink.lost")]);
});

test("link status --wait does not wait for a link that was revoked", async () => {
  const [link] = status.links;
  if (link === undefined) throw new Error("no link");
  Object.assign(link, { state: "down", code: "link.revoked" });
  // The clock stands still: it would wait for ever.
  const ran = await world.run("link", "status", "--state", state, "--wait", "1h");
  expect([ran.exit, ran.err]).toEqual([3, expect.stringContaining("code: link.revoked")]);
  expect(ran.err).toContain("do: Get a new token");
});

test("link create hands a token to the connector, from a file or from standard input", async () => {
  const deployment = await TestDeployment.create();
  const file = join(world.dir, "token.yaml");
  await writeFile(file, deployment.tokenFile());
  const made = await world.run("link", "create", file, "--state", state);
  expect(made.out).toBe(
    "Site configured to link to public2 through https://edge.example (name=link2).\n" +
      "Check the status of the link using `fairlead link status`.\n",
  );
  world.input = deployment.tokenFile();
  const named = await world.json("link", "create", "-", "--name", "backup", "--cost", "10", "--state", state);
  expect(named).toEqual({ id: id("l", 2), name: "backup", issuer: "public2", edge: "https://edge.example" });
  expect(linked).toEqual([
    { claim: expect.any(String) },
    { claim: expect.any(String), name: "backup", cost: 10 },
  ]);
  refusal = new FairleadError("link.exists");
  const twice = await world.run("link", "create", file, "--state", state);
  expect([twice.exit, twice.err]).toEqual([5, expect.stringContaining("code: link.exists")]);
});

test("link create refuses a malformed token, name or cost without a request", async () => {
  const deployment = await TestDeployment.create();
  const file = join(world.dir, "token.yaml");
  await writeFile(file, deployment.tokenFile().slice(0, 200));
  const missing = join(world.dir, "none.yaml");
  for (const token of [file, missing, "-"]) {
    world.input = "apiVersion: v1";
    const ran = await world.run("link", "create", token, "--state", state);
    const code = token === missing ? "file.unreadable" : "token.malformed";
    expect([ran.exit, ran.err], token).toEqual([2, expect.stringContaining(`code: ${code}`)]);
  }
  await writeFile(file, deployment.tokenFile());
  for (const wrong of [
    ["--cost", "0"],
    ["--cost", "1e3"],
    ["--cost", "1000001"],
    ["--name", "Link"],
  ]) {
    const ran = await world.run("link", "create", file, ...wrong, "--state", state);
    expect([ran.exit, ran.err], wrong.join(" ")).toEqual([2, expect.stringContaining(wrong[0] ?? "")]);
  }
  expect(linked).toEqual([]);
});

test("link delete deletes a link", async () => {
  expect((await world.run("link", "delete", "link1", "--state", state)).out).toBe("Link link1 deleted.\n");
  expect((await world.run("link", "delete", "link1", "--state", state)).exit).toBe(4);
});

test("a connector that does not run ends with exit code 6", async () => {
  const ran = await world.run("status", "--state", world.dir);
  expect([ran.exit, ran.err]).toEqual([6, expect.stringContaining("code: connector.unreachable")]);
  expect((await world.run("expose", "db=1")).exit).toBe(6);
});

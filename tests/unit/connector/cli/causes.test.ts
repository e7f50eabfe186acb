/**
 * What a user reads for each cause of a failure. causes.txt holds every text, so that a reader can judge whether the
 * advice fits what happened: `npx vitest run --project unit -u tests/unit/connector/cli/causes.test.ts` writes it.
 */
import { once } from "node:events";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { createServer as createHttpsServer, type Server as HttpsServer } from "node:https";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unreadable, unwritable } from "../../../../connector/files/file-errors.ts";
import { foreignAnswerAction, httpsError } from "../../../../connector/net/failures.ts";
import { decideStart } from "../../../../connector/site/decisions.ts";
import { stateError } from "../../../../connector/state/errors.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { RENEWABLE_MS } from "../../../../protocol/uplink/assertions.ts";
import { TestDeployment } from "../../../support/authority/test-deployment.ts";
import { UNKNOWN_HOST } from "../../../support/dns/unknown-host.ts";
import { FakeEdge, KEY } from "../../../support/edge/fake-edge.ts";
import { freePort } from "../../../support/free-port.ts";
import { makeWorld, useEdge, type World } from "../../../support/process/cli-world.ts";

let world: World;
let edge: FakeEdge;
/** Answers every request with the status of its path's first part, and no Fairlead error. */
let foreign: HttpsServer;
let foreignUrl: string;
let closedUrl: string;

const shown: string[] = [];

/** The text with the names of this run replaced. */
const steady = (text: string) =>
  text
    .replaceAll(world.dir, "DIR")
    .replaceAll(edge.url, "https://EDGE")
    .replaceAll(foreignUrl, "https://OTHER")
    .replaceAll(closedUrl, "https://CLOSED")
    .replaceAll(UNKNOWN_HOST, "edge.invalid");

const show = (title: string, place: string, text: string) => {
  shown.push(`# ${title}\n${steady(place)}\n${steady(text).trimEnd()}\n`);
};

beforeAll(async () => {
  edge = await FakeEdge.start();
  edge.addNetwork("shop");
  world = await makeWorld();
  await useEdge(world, edge);
  foreign = createHttpsServer({ cert: edge.tls.certificate, key: edge.tls.key }, (request, response) => {
    const status = Number(request.headers.authorization?.slice(-3));
    response
      .writeHead(status, status === 302 ? { location: "https://portal.example/" } : {})
      .end("<html></html>");
  });
  foreign.listen(0, "127.0.0.1");
  await once(foreign, "listening");
  const address = foreign.address();
  foreignUrl = `https://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
  closedUrl = `https://localhost:${await freePort()}`;
  await prepareFiles(await TestDeployment.create());
});
afterAll(async () => {
  foreign.close();
  await edge.stop();
  await world.remove();
});

/** Files of every kind, and state directories of every owner. */
async function prepareFiles(deployment: TestDeployment): Promise<void> {
  const token = deployment.tokenFile();
  const claim = /claim: (\S+)/.exec(token)?.[1] ?? "";
  const files: Readonly<Record<string, string>> = {
    "token.yaml": token,
    "cut.yaml": token.slice(0, 200),
    "site-token.yaml": token.replace("metadata:", "metadata:\n  site: east"),
    claim,
    key: `${KEY}\n`,
    jwt: "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
    "ca-copy.pem": edge.tls.ca,
    "private.pem": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    backup: '{"fairlead":"backup","version":1}\n',
    "future.backup": '{"fairlead":"backup","version":99}\n',
    empty: "",
    "wrong.yaml": "expose: [\n",
    "short-passphrase": "short\n",
    "login-damaged.json": "{",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(world.dir, name), text);
  for (const directory of ["folder", "edge-state", "site-state", "ended", "vacant", "long".repeat(30)]) {
    await mkdir(join(world.dir, directory));
  }
  await writeFile(join(world.dir, "edge-state", "edge.json"), "{}");
  await writeFile(join(world.dir, "site-state", "site.json"), "{}");
  // A socket that nobody listens on: closing a server removes the path it was opened at.
  const server = createServer().listen(join(world.dir, "ended", "open.sock"));
  await once(server, "listening");
  await rename(join(world.dir, "ended", "open.sock"), join(world.dir, "ended", "control.sock"));
  server.close();
}

/** Variables of a command, once the servers run. */
type Environment = () => Readonly<Record<string, string | undefined>>;

const STATE = ["--state", "DIR/new"];
const answering = (status: number) => () => ({ FAIRLEAD_URL: foreignUrl, FAIRLEAD_KEY: `flk_${status}` });
const nobody = () => ({ FAIRLEAD_URL: undefined, FAIRLEAD_KEY: undefined, FAIRLEAD_CA: undefined });

const COMMANDS: readonly (readonly [string, readonly string[], Environment?])[] = [
  [
    "a token file that does not exist",
    ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/none.yaml"],
  ],
  [
    "a directory in place of a token file",
    ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/folder"],
  ],
  ["an empty token file", ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/empty"]],
  ["a token file that is cut", ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/cut.yaml"]],
  ["an API key in place of a token", ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/key"]],
  ["the claim of a token alone", ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/claim"]],
  [
    "an identity token in place of a token",
    ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/jwt"],
  ],
  [
    "a certificate in place of a token",
    ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/ca-copy.pem"],
  ],
  [
    "a private key in place of a token",
    ["connector", "run", "--site", "west", ...STATE, "--token", "DIR/private.pem"],
  ],
  ["a backup in place of a token", ["link", "create", "DIR/backup", "--state", "DIR/vacant"]],
  ["no token at all", ["connector", "run", "--site", "west", ...STATE]],
  ["neither a name nor a state directory", ["connector", "run"]],
  ["a name that is too long", ["connector", "run", "--site", "w".repeat(80)]],
  ["a configuration file that does not exist", ["connector", "run", "--config", "DIR/none.yaml"]],
  ["a configuration file with a mistake", ["connector", "run", "--config", "DIR/wrong.yaml"]],
  [
    "the state directory of an edge given to a connector",
    ["connector", "run", "--site", "west", "--state", "DIR/edge-state", "--token", "DIR/token.yaml"],
  ],
  ["the state directory of a connector given to an edge", ["edge", "start", "--state", "DIR/site-state"]],
  [
    "a file in place of a state directory",
    ["connector", "run", "--site", "west", "--state", "DIR/key", "--token", "DIR/token.yaml"],
  ],
  ["a state directory whose path is too long", ["link", "status", "--state", `DIR/${"long".repeat(30)}`]],
  ["a command of a site where no site is", ["link", "status"], () => ({ FAIRLEAD_STATE: undefined })],
  ["a state directory that does not exist", ["link", "status", "--state", "DIR/absent"]],
  ["a state directory without a connector", ["link", "status", "--state", "DIR/vacant"]],
  ["a connector that has ended", ["link", "status", "--state", "DIR/ended"]],
  [
    "a command of a site at the state directory of an edge",
    ["service", "status", "--state", "DIR/edge-state"],
  ],
  ["no login", ["network", "list"], nobody],
  [
    "a login file that is damaged",
    ["network", "list"],
    () => ({ ...nobody(), FAIRLEAD_CONFIG: join(world.dir, "login-damaged.json") }),
  ],
  [
    "a login file that is a directory",
    ["network", "list"],
    () => ({ ...nobody(), FAIRLEAD_CONFIG: join(world.dir, "folder") }),
  ],
  ["a URL of an edge without a key", ["network", "list"], () => ({ FAIRLEAD_KEY: undefined })],
  ["a variable with a URL that is none", ["network", "list"], () => ({ FAIRLEAD_URL: "edge.example" })],
  ["a key file that does not exist", ["login", "https://edge.example", "--key-file", "DIR/none"]],
  ["an empty key file", ["login", "https://edge.example", "--key-file", "DIR/empty"]],
  ["a token file in place of a key", ["login", "https://edge.example", "--key-file", "DIR/token.yaml"]],
  ["an API key in place of an identity token", ["login", "https://edge.example", "--oidc", "DIR/key"]],
  [
    "a CA file that does not exist",
    ["login", "https://edge.example", "--key-file", "DIR/key", "--ca", "DIR/none.pem"],
  ],
  ["a key in place of a CA", ["login", "https://edge.example", "--key-file", "DIR/key", "--ca", "DIR/key"]],
  ["a login without a credential", ["login", "https://edge.example"], () => ({ FAIRLEAD_KEY: undefined })],
  ["an address that is no URL", ["login", "edge.example", "--key-file", "DIR/key"]],
  ["an edge that does not run", ["network", "list"], () => ({ FAIRLEAD_URL: closedUrl })],
  [
    "a name that the DNS does not know",
    ["network", "list"],
    () => ({ FAIRLEAD_URL: `https://${UNKNOWN_HOST}` }),
  ],
  ["an edge whose CA is not given", ["network", "list"], () => ({ FAIRLEAD_CA: undefined })],
  ["another server than an edge, which answers 404", ["network", "list"], answering(404)],
  ["another server than an edge, which answers 405", ["network", "list"], answering(405)],
  ["a portal that redirects", ["network", "list"], answering(302)],
  ["a proxy that refuses", ["network", "list"], answering(403)],
  ["a load balancer without an edge", ["network", "list"], answering(503)],
  ["a page in place of an answer", ["network", "list"], answering(200)],
  ["a network that does not exist", ["network", "use", "shpo"]],
  ["a backup that does not exist", ["edge", "restore", "DIR/none.backup", ...STATE]],
  ["a token file in place of a backup", ["edge", "restore", "DIR/token.yaml", ...STATE]],
  ["a backup of a newer version", ["edge", "restore", "DIR/future.backup", ...STATE]],
  [
    "a passphrase that is too short",
    ["edge", "restore", "DIR/backup", "--passphrase-file", "DIR/short-passphrase", ...STATE],
  ],
  [
    "a backup of a directory that is no edge's",
    ["edge", "backup", "-o", "DIR/out.backup", "--state", "DIR/vacant"],
  ],
  ["an output in a directory that does not exist", ["token", "create", "-o", "DIR/absent/token.yaml"]],
  ["an output that is a directory", ["token", "create", "-o", "DIR/folder"]],
  ["a file of identity tokens that does not exist", ["edge", "start", ...STATE, "--oidc", "DIR/none.yaml"]],
  [
    "an address that is not of this machine",
    ["edge", "start", ...STATE, "--api", "192.0.2.1:8443", "--gateway", "192.0.2.1:8444"],
  ],
  [
    "one port for two addresses",
    ["edge", "start", ...STATE, "--api", "127.0.0.1:8443", "--gateway", "127.0.0.1:8443"],
  ],
  ["a command that does not exist", ["netwrk", "list"]],
  ["a noun without a verb", ["network"]],
  ["an option that does not exist", ["token", "create", "--expires", "5m"]],
  ["a value of the wrong form", ["token", "create", "--expiry", "soon"]],
  ["a command that is not confirmed", ["network", "delete", "shop"]],
];

describe("a command", () => {
  const cases = COMMANDS.map(([title, argv, env]) => ({ title, argv, env }));
  it.each(cases)("says what to do about $title", async ({ title, argv, env }) => {
    const before = { ...world.env };
    Object.assign(world.env, env?.());
    const words = argv.map((word) => word.replace("DIR/", `${world.dir}/`));
    const { exit, err } = await world.run(...words);
    world.env = before;
    expect(exit).toBeGreaterThan(0);
    expect(err).toMatch(/error: .+\n {2}code: [a-z_.]+\n {2}do: [A-Z`].+\.\n/);
    show(title, `$ fairlead ${argv.join(" ")}`, err);
  });
});

const failure = (code: string) => Object.assign(new Error(code), { code });
const file = {
  what: "The token file",
  path: "/secret/token.yaml",
  source: "`fairlead token create -o FILE` writes one.",
};
const day = 86_400_000;
const start = Date.parse("2026-11-20T00:00:00Z");
const member = {
  ...{ notBefore: start, notAfter: start + day, site: "west", formerNames: [], network: "shop" },
  links: [{ issuer: "network" }],
};
const dialled = (code: string, caller: "operator" | "site" = "operator") =>
  httpsError(failure(code), { url: "https://edge.example", proxy: null, timeoutMs: 15_000, caller });

function startedAt(now: number): FairleadError {
  const decision = decideStart({ member, site: "west", tokens: 0, now });
  if (decision.do !== "fail") throw new Error("The site starts.");
  return new FairleadError(decision.code, decision.message, { action: decision.action });
}

const FAILURES: readonly (readonly [string, () => FairleadError])[] = [
  ["a file of another user", () => unreadable(failure("EACCES"), file)],
  ["too many open files", () => unreadable(failure("EMFILE"), file)],
  [
    "an output on a read-only file system",
    () => unwritable(failure("EROFS"), { what: "--output:", path: "/ro/key" }),
  ],
  ["an output on a full disk", () => unwritable(failure("ENOSPC"), { what: "--output:", path: "/full/key" })],
  ["a state directory of another user", () => stateError(failure("EACCES"), "/var/lib/fairlead")],
  ["a state directory on a read-only file system", () => stateError(failure("EROFS"), "/var/lib/fairlead")],
  ["a state directory whose mount is gone", () => stateError(failure("ENOENT"), "/mnt/fairlead")],
  ["a state directory on a full disk", () => stateError(failure("ENOSPC"), "/var/lib/fairlead/site.json")],
  ["a state directory beyond its quota", () => stateError(failure("EDQUOT"), "/var/lib/fairlead/site.json")],
  ["a certificate of the edge from the future", () => dialled("CERT_NOT_YET_VALID")],
  ["a certificate of the edge that has expired", () => dialled("CERT_HAS_EXPIRED", "site")],
  ["a certificate of the edge for another name", () => dialled("ERR_TLS_CERT_ALTNAME_INVALID")],
  ["a certificate of another CA, seen by a site", () => dialled("SELF_SIGNED_CERT_IN_CHAIN", "site")],
  ["an edge that does not answer", () => dialled("ETIMEDOUT")],
  ["a network without a route", () => dialled("ENETUNREACH")],
  ["a port that does not speak TLS", () => dialled("ERR_SSL_WRONG_VERSION_NUMBER")],
  ["a clock of the site that is months ahead", () => startedAt(start + 2 * day + RENEWABLE_MS)],
  [
    "a proxy that asks for a login",
    () =>
      new FairleadError("uplink.lost", "wss://edge.example answered with status 407.", {
        action: foreignAnswerAction(407),
      }),
  ],
];

describe("the connector", () => {
  it.each(FAILURES)("says what to do about %s", (title, make) => {
    const { code, message, action } = make();
    expect(action).toMatch(/^[A-Z`].+\.$/);
    show(title, "", `error: ${message}\n  code: ${code}\n  do: ${action}`);
  });
});

describe("causes.txt", () => {
  it("holds what a user reads for every cause", async () => {
    expect(shown).toHaveLength(COMMANDS.length + FAILURES.length);
    await expect(shown.join("\n")).toMatchFileSnapshot("causes.txt");
  });
});

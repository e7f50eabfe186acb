import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FakeEdge, id, KEY } from "../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../support/process/cli-world.ts";

let edge: FakeEdge;
let world: World;

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterAll(() => edge.stop());
beforeEach(async () => {
  world = await makeWorld();
  await useEdge(world, edge);
});
afterEach(async () => {
  await world.remove();
  edge.clear();
});

/** Logs in with a stored login instead of the environment. */
async function storeLogin() {
  const ca = world.env.FAIRLEAD_CA ?? "";
  for (const name of ["FAIRLEAD_URL", "FAIRLEAD_KEY", "FAIRLEAD_CA"]) delete world.env[name];
  return world.run("login", edge.url, "--key", KEY, "--ca", ca);
}
const stored = async () => JSON.parse(await readFile(join(world.dir, "login.json"), "utf8"));

describe("login", () => {
  test("tries the key, then stores it for its owner only", async () => {
    edge.addNetwork("shop");
    const { exit, out } = await storeLogin();
    expect([exit, out]).toEqual([0, expect.stringContaining(`Logged in to ${edge.url}.`)]);
    expect(await stored()).toEqual({ url: edge.url, key: KEY, ca: edge.tls.ca });
    expect((await stat(join(world.dir, "login.json"))).mode & 0o777).toBe(0o600);
    expect((await world.run("network", "list")).out).toContain("shop");
  });

  test("takes the key from a file or standard input, and warns that --key shows it to other users", async () => {
    const ca = world.env.FAIRLEAD_CA ?? "";
    for (const name of ["FAIRLEAD_URL", "FAIRLEAD_KEY", "FAIRLEAD_CA"]) delete world.env[name];
    const file = join(world.dir, "key");
    await writeFile(file, `${KEY}\n`);
    world.input = `  ${KEY}\r\n`;
    for (const source of [file, "-"]) {
      const ran = await world.run("login", edge.url, "--key-file", source, "--ca", ca);
      expect([ran.exit, ran.err]).toEqual([0, ""]);
      expect((await stored()).key).toBe(KEY);
    }
    const shown = await world.run("login", edge.url, "--key", KEY, "--ca", ca);
    expect([shown.exit, shown.err]).toEqual([0, expect.stringContaining("--key-file FILE")]);
    expect(shown.err).not.toContain(KEY);
  });

  test.each([
    ["nothing", "\n"],
    ["two lines", `${KEY}\n${KEY}\n`],
    ["what is no text", "\u0000\u001b[2J"],
  ])("takes no key from a file with %s in it", async (_, text) => {
    const file = join(world.dir, "key");
    await writeFile(file, text);
    const ran = await world.run("login", edge.url, "--key-file", file);
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("not an API key")]);
    const gone = await world.run("login", edge.url, "--key-file", `${file}.gone`);
    expect([gone.exit, gone.err]).toEqual([2, expect.stringContaining("--key-file")]);
    expect(edge.log).toEqual([]);
  });

  test("refuses more than one secret", async () => {
    for (const words of [
      ["--key", KEY, "--key-file", "-"],
      ["--oidc", "-", "--key-file", "-"],
    ]) {
      const ran = await world.run("login", edge.url, ...words);
      expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("exclude each other")]);
    }
  });

  test("stores nothing when the key is refused", async () => {
    const ran = await world.run("login", edge.url, "--key", "flk_wrong", "--ca", world.env.FAIRLEAD_CA ?? "");
    expect(ran.exit).toBe(3);
    expect(ran.err).toContain("code: key.invalid");
    await expect(stored()).rejects.toThrow();
  });

  test.each(["http://edge.example", "edge.example", "https://edge.example/v1", "https://a:b@edge.example"])(
    "refuses the address %s",
    async (url) => {
      const ran = await world.run("login", url, "--key", KEY);
      expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("is not https://HOST[:PORT]")]);
    },
  );

  test("needs a key, and a CA file that holds a certificate", async () => {
    delete world.env.FAIRLEAD_KEY;
    expect((await world.run("login", edge.url)).exit).toBe(2);
    const file = join(world.dir, "no.pem");
    await writeFile(file, "hello");
    const ran = await world.run("login", edge.url, "--key", KEY, "--ca", file);
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("has no PEM certificate")]);
    expect((await world.run("login", edge.url, "--key", KEY, "--ca", `${file}.gone`)).exit).toBe(2);
  });

  test("reports a damaged login file, which another login repairs", async () => {
    await storeLogin();
    await writeFile(join(world.dir, "login.json"), "{");
    const ran = await world.run("network", "list");
    expect([ran.exit, ran.err]).toEqual([3, expect.stringContaining("is damaged")]);
    world.env.FAIRLEAD_CA = join(world.dir, "ca.pem");
    expect((await storeLogin()).exit).toBe(0);
  });

  test("needs no stored login with a URL and a key in the environment", async () => {
    edge.addNetwork("shop");
    for (const path of ["/dev/null/login.json", world.dir]) {
      world.env.FAIRLEAD_CONFIG = path;
      expect((await world.run("network", "list")).out).toContain("shop");
    }
    delete world.env.FAIRLEAD_KEY;
    const { exit, err } = await world.run("network", "list");
    expect([exit, err]).toEqual([3, expect.stringContaining("cannot be read")]);
  });

  test("warns when a network was created and the login cannot be written", async () => {
    await storeLogin();
    // The name of the draft beside it is longer than a file system takes.
    const file = join(world.dir, "l".repeat(250));
    await rename(join(world.dir, "login.json"), file);
    world.env.FAIRLEAD_CONFIG = file;
    const text = await readFile(file, "utf8");
    const { exit, out, err } = await world.run("network", "create", "shop");
    expect([exit, out]).toEqual([0, expect.stringContaining('Network "shop" created.')]);
    expect(err).toContain("warning: The login cannot be stored");
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("a stored key is not sent to another address", async () => {
    await storeLogin();
    world.env.FAIRLEAD_URL = "https://elsewhere.example";
    const ran = await world.run("network", "list");
    expect([ran.exit, ran.err]).toEqual([
      3,
      expect.stringContaining("There is no key for https://elsewhere.example"),
    ]);
  });

  test("is named as the action of a command that needs it", async () => {
    world.env = { FAIRLEAD_CONFIG: join(world.dir, "none.json") };
    const ran = await world.run("site", "list");
    expect(ran).toMatchObject({ exit: 3, out: "" });
    expect(ran.err).toMatch(/^error: .*\n {2}code: edge\.not_logged_in\n {2}do: Run `fairlead login/);
  });
});

describe("network", () => {
  test("create sets the default network, use changes it, delete removes it", async () => {
    await storeLogin();
    await world.run("network", "create", "shop");
    await world.run("network", "create", "lab");
    expect(await stored()).toMatchObject({ network: "lab" });
    expect((await world.run("network", "use", "shop")).out).toContain('"shop"');
    expect(await stored()).toMatchObject({ network: "shop" });
    expect((await world.run("network", "list")).out).toMatch(/^shop \* /m);
    expect((await world.run("network", "delete", "shop", "--yes")).exit).toBe(0);
    expect(await stored()).not.toHaveProperty("network");
  });

  test("use refuses a network that does not exist, and a login that cannot store it", async () => {
    edge.addNetwork("shop");
    expect((await world.run("network", "use", "nope")).exit).toBe(4);
    const ran = await world.run("network", "use", "shop");
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("FAIRLEAD_NETWORK")]);
  });

  test("create with a taken name ends with exit code 5, as JSON with --json", async () => {
    edge.addNetwork("shop");
    const ran = await world.run("network", "create", "shop", "--json");
    expect(ran).toMatchObject({ exit: 5, out: "" });
    expect(JSON.parse(ran.err)).toEqual({
      error: { code: "network.taken", message: expect.any(String), action: expect.any(String) },
    });
  });

  test("delete names the sites and asks, keeps the network on another reply, and does not ask with --yes", async () => {
    edge.addNetwork("shop");
    edge.addSite("west");
    world.typed = "no";
    const kept = await world.run("network", "delete", "shop");
    expect(kept).toMatchObject({ exit: 2, out: "" });
    expect(kept.err).toContain("The network is lost for good to 1 site: west.");
    expect(kept.err).toContain('Delete network "shop"? Type yes to continue: ');
    expect(edge.networks).toHaveLength(1);
    world.typed = "yes";
    expect((await world.run("network", "delete", "shop")).exit).toBe(0);
    edge.addNetwork("shop");
    world.typed = "";
    expect((await world.run("network", "delete", "shop", "--yes")).exit).toBe(0);
    expect(edge.networks).toHaveLength(0);
  });

  test("list names the next step when there is no network", async () => {
    expect((await world.run("network", "list")).out).toBe(
      "There are no networks. `fairlead network create NAME` creates one.\n",
    );
    expect(await world.json("network", "list")).toEqual([]);
  });
});

describe("the network of a command", () => {
  test("is that of --network, else of FAIRLEAD_NETWORK, else the only network", async () => {
    edge.addNetwork("shop");
    await world.run("site", "list");
    expect(edge.log.at(-1)).toBe("GET /v1/networks/shop/sites");
    edge.addNetwork("lab");
    world.env.FAIRLEAD_NETWORK = "lab";
    await world.run("site", "list");
    expect(edge.log.at(-1)).toBe("GET /v1/networks/lab/sites");
    await world.run("site", "list", "--network", "shop");
    expect(edge.log.at(-1)).toBe("GET /v1/networks/shop/sites");
  });

  test("must be named if there are several, and created if there is none", async () => {
    const none = await world.run("site", "list");
    expect([none.exit, none.err]).toEqual([4, expect.stringContaining("There is no network yet")]);
    edge.addNetwork("shop");
    edge.addNetwork("lab");
    const many = await world.run("site", "list");
    expect([many.exit, many.err]).toEqual([2, expect.stringContaining("networks: shop, lab.")]);
  });

  test("cannot name another path of the API", async () => {
    const ran = await world.run("site", "list", "--network", "../keys");
    expect(ran.exit).toBe(4);
    expect(edge.log).toEqual(["GET /v1/networks/..%2Fkeys/sites"]);
  });
});

describe("key", () => {
  test("create shows the key once, list shows networks by name, revoke removes it", async () => {
    const network = edge.addNetwork("shop");
    const made = await world.run("key", "create", "ci", "--role", "operator", "--network", "shop");
    expect(made.out).toContain(`flk_${edge.keys[0]?.id}_secret`);
    expect(edge.keys[0]?.networks).toEqual([network.id]);
    expect((await world.run("key", "list")).out).toMatch(/ci +operator +shop/);
    expect((await world.run("key", "revoke", edge.keys[0]?.id ?? "")).exit).toBe(0);
    expect((await world.run("key", "revoke", id("k", 9))).exit).toBe(4);
    expect((await world.run("key", "list")).out).toContain("fairlead key create");
  });

  test("create -o writes the key for its owner only, for login --key-file, and shows it nowhere", async () => {
    const file = join(world.dir, "ci.key");
    const made = await world.run("key", "create", "ci", "--role", "viewer", "-o", file);
    const key = `flk_${edge.keys[0]?.id}_secret`;
    expect([await readFile(file, "utf8"), (await stat(file)).mode & 0o777]).toEqual([`${key}\n`, 0o600]);
    expect(made.out).toContain(`--key-file ${file}`);
    expect(made.out).not.toContain(key);
    const shown = await world.json("key", "create", "ci", "--role", "viewer", "-o", file);
    expect(shown).toMatchObject({ name: "ci", path: file });
    expect(shown).not.toHaveProperty("key");
  });

  test("create needs a role", async () => {
    const ran = await world.run("key", "create", "ci");
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("--role")]);
  });
});

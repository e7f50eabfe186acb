/** `edge backup` and `edge restore --data-only` against the stand-in for the edge's API. */
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startCommand } from "../../../../connector/cli/edge/options.ts";
import { makeDeploymentAuthority } from "../../../../connector/edge/credentials/certificates.ts";
import { FakeEdge } from "../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../support/process/cli-world.ts";

let edge: FakeEdge;
let world: World;
let state: string;
let file: string;

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterAll(() => edge.stop());
beforeEach(async () => {
  world = await makeWorld();
  await useEdge(world, edge);
  [state, file] = [join(world.dir, "state"), join(world.dir, "edge.backup")];
  await mkdir(state);
  await writeFile(join(state, "ca.pem"), edge.tls.ca);
  await writeFile(join(state, "ca-key.pem"), edge.tls.caKey);
  await writeFile(join(state, "admin-key"), "flk_admin_x\n");
  const record = { version: 1, ports: { api: 8443, links: 8444 }, adminKeyHash: "0".repeat(64) };
  const urls = { api: "https://edge.example:8443", links: "https://edge.example:8444" };
  await writeFile(join(state, "edge.json"), JSON.stringify({ ...record, urls }));
  edge.addNetwork("shop");
  edge.addNetwork("lab");
});
afterEach(async () => {
  await world.remove();
  edge.clear();
});

const backup = (...words: string[]) => world.run("edge", "backup", "-o", file, "--state", state, ...words);

/** An edge like the one that was backed up, with nothing in it. */
function empty() {
  edge.networks.length = 0;
  edge.log.length = 0;
}

describe("edge backup", () => {
  test("writes files, directory and networks, for its owner only", async () => {
    const { exit, out } = await backup();
    expect([exit, out]).toEqual([0, expect.stringContaining("Backup of https://edge.example:8443")]);
    expect(out).toContain("2 networks");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const text = await readFile(file, "utf8");
    for (const part of ["ca-key.pem", "admin-key", "edge.json", "shop", "lab"]) expect(text).toContain(part);
    expect(await world.json("edge", "backup", "-o", file, "--state", state)).toEqual({
      path: file,
      bytes: expect.any(Number),
      createdAt: "2026-11-20T10:05:00.000Z",
      networks: ["shop", "lab"],
      sealed: false,
    });
  });

  test("leaves the old file unchanged, and no other, when it fails", async () => {
    await writeFile(file, "old");
    edge.override = ({ path }) =>
      path.endsWith("/lab/backup") || path.includes(edge.networks[1]?.id ?? "?")
        ? { status: 503, text: "" }
        : null;
    expect((await backup()).exit).toBe(6);
    expect(await readFile(file, "utf8")).toBe("old");
    expect((await readdir(world.dir)).filter((name) => name.includes(".tmp"))).toEqual([]);
    const nowhere = await world.run("edge", "backup", "-o", join(world.dir, "no/where"), "--state", state);
    expect([nowhere.exit, nowhere.err]).toEqual([2, expect.stringContaining("--output")]);
  });

  test("refuses to write through a symbolic link", async () => {
    await writeFile(`${file}.theirs`, "theirs");
    await symlink(`${file}.theirs`, file);
    const ran = await backup();
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("is a symbolic link")]);
    expect(await readFile(`${file}.theirs`, "utf8")).toBe("theirs");
  });

  test("never puts the keys of one edge and the networks of another into one file", async () => {
    const other = await makeDeploymentAuthority(Date.now());
    await writeFile(join(state, "ca.pem"), other.certificate);
    const mixed = await backup();
    expect([mixed.exit, mixed.err]).toEqual([1, expect.stringContaining("code: state.corrupt")]);
    await writeFile(join(state, "ca-key.pem"), other.privateKey);
    const foreign = await backup();
    expect(foreign.err).toContain("code: edge.untrusted");
    await rm(join(state, "ca-key.pem"));
    expect((await backup()).exit).toBe(2);
    await expect(stat(file)).rejects.toThrow();
  });

  test("fails with the edge's code when the edge refuses the key", async () => {
    world.env.FAIRLEAD_KEY = "flk_wrong";
    const ran = await backup();
    expect([ran.exit, ran.err]).toEqual([3, expect.stringContaining("code: key.invalid")]);
  });
});

describe("edge restore --data-only", () => {
  const restore = (...words: string[]) => world.run("edge", "restore", file, "--data-only", ...words);

  test("gives an empty edge the directory and each network, in the order of the file", async () => {
    await backup();
    const ids = edge.networks.map(({ id }) => id);
    empty();
    const { exit, out, err } = await restore();
    expect([exit, out]).toEqual([0, expect.stringContaining("2 networks restored")]);
    expect(err).toContain("Sites of this backup expect their edge at https://edge.example:8443");
    expect([...edge.restored.keys()]).toEqual(["directory", ...ids]);
    expect(edge.networks.map(({ name }) => name)).toEqual(["shop", "lab"]);
  });

  test("continues where an earlier attempt stopped, and changes no edge with other data", async () => {
    await backup();
    const [, lab] = edge.networks.map(({ id }) => id);
    empty();
    edge.override = ({ path }) => (path === `/v1/networks/${lab}/restore` ? { status: 503, text: "" } : null);
    expect((await restore()).exit).toBe(6);
    edge.override = null;
    expect((await restore()).exit).toBe(0);
    expect(edge.restored.size).toBe(3);
    empty();
    edge.restored.clear();
    edge.addNetwork("other");
    const ran = await restore();
    expect([ran.exit, ran.err]).toEqual([5, expect.stringContaining("code: backup.not_empty")]);
    expect(edge.restored.size).toBe(0);
  });

  test("opens a sealed backup with its passphrase only", async () => {
    const secret = join(world.dir, "passphrase");
    await writeFile(secret, "correct horse battery\n");
    const { out } = await backup("--passphrase-file", secret);
    expect(out).toContain("sealed");
    expect(await readFile(file, "latin1")).not.toContain("shop");
    empty();
    expect((await restore()).err).toContain("--passphrase-file");
    world.input = await readFile(secret, "utf8");
    expect((await restore("--passphrase-file", "-")).exit).toBe(0);
    await writeFile(secret, "short\n");
    expect((await restore("--passphrase-file", secret)).exit).toBe(2);
    await writeFile(secret, "another passphrase\n");
    const wrong = await restore("--passphrase-file", secret);
    expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining("passphrase is wrong")]);
  });

  test("refuses a file that is damaged or no backup without a request to the edge", async () => {
    await backup();
    empty();
    const text = await readFile(file, "utf8");
    await writeFile(file, text.replace("shop", "shoq"));
    const damaged = await restore();
    expect([damaged.exit, damaged.err]).toEqual([2, expect.stringContaining("code: backup.malformed")]);
    await writeFile(file, '{"fairlead":"backup","version":99}\n');
    const newer = await restore();
    expect([newer.exit, newer.err]).toEqual([5, expect.stringContaining("code: backup.version")]);
    expect((await world.run("edge", "restore", join(world.dir, "none"))).exit).toBe(2);
    expect((await restore("--keys-only")).exit).toBe(2);
    expect((await restore("--state", state)).exit).toBe(2);
    expect(edge.log).toEqual([]);
  });
});

describe("edge restore --keys-only", () => {
  test("writes the CA and the admin key into an empty directory only", async () => {
    await backup();
    const target = join(world.dir, "deployment");
    const { exit, out } = await world.run("edge", "restore", file, "--keys-only", "--state", target);
    expect([exit, out]).toEqual([0, expect.stringContaining(`fairlead edge deploy --state ${target}`)]);
    expect((await readdir(target)).sort()).toEqual(["admin-key", "ca-key.pem", "ca.pem", "lock"]);
    expect((await stat(join(target, "ca-key.pem"))).mode & 0o777).toBe(0o600);
    expect(await readFile(join(target, "ca-key.pem"), "utf8")).toBe(edge.tls.caKey);
    const again = await world.run("edge", "restore", file, "--keys-only", "--state", target);
    expect([again.exit, again.err]).toEqual([5, expect.stringContaining("code: backup.not_empty")]);
  });
});

test.each([
  ["https://127.0.0.1:8443", "https://127.0.0.1:8444", "--api 127.0.0.1:8443 --gateway 127.0.0.1:8444"],
  ["https://[::1]:8443", "https://[::1]:8444", "--api [::1]:8443 --gateway [::1]:8444"],
  [
    "https://edge.example",
    "https://edge.example:8444",
    "--api 0.0.0.0:443 --gateway 0.0.0.0:8444 --hostname edge.example",
  ],
  ["https://10.0.0.5:8443", null, "--api 10.0.0.5:8443"],
])("an edge that was reached at %s and %s starts there with %s", (api, gateway, words) => {
  expect(startCommand("dir", { api, gateway })).toBe(`fairlead edge start --state dir ${words}`);
});

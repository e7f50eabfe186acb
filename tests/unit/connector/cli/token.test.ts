import { execFileSync } from "node:child_process";
import { chmod, link, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FakeEdge } from "../../../support/edge/fake-edge.ts";
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
  edge.addNetwork("shop");
});
afterEach(async () => {
  await world.remove();
  edge.clear();
});

test("prints the token alone on stdout without -o, so that it can be piped", async () => {
  const { exit, out, err } = await world.run("token", "create");
  expect([exit, out, err]).toEqual([
    0,
    `apiVersion: fairlead/v1\nkind: Token\n# ${edge.tokens[0]?.id}\n`,
    "",
  ]);
  expect(edge.tokens[0]).toMatchObject({ uses: 1, expiresAt: "2026-11-20T10:15:00.000Z" });
});

test("--uses and --expiry reach the edge", async () => {
  await world.run("token", "create", "--uses", "2", "--expiry", "2h");
  expect(edge.tokens[0]).toMatchObject({ uses: 2, expiresAt: "2026-11-20T12:00:00.000Z" });
});

test("writes a file that only its owner can read with -o, also if it existed", async () => {
  const file = join(world.dir, "token.yaml");
  await writeFile(file, "something longer than a token, which must go away completely".repeat(10));
  await chmod(file, 0o644);
  const { out } = await world.run("token", "create", "-o", file);
  expect(out).toContain(`Token written to ${file}.\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(await readFile(file, "utf8")).toBe(
    `apiVersion: fairlead/v1\nkind: Token\n# ${edge.tokens[0]?.id}\n`,
  );
});

test("--json shows the file's content or its path, never both", async () => {
  expect(await world.json("token", "create")).toMatchObject({ file: expect.stringContaining("kind: Token") });
  const file = join(world.dir, "token.yaml");
  const written = await world.json("token", "create", "-o", file);
  expect(written).toMatchObject({ path: file, uses: 1 });
  expect(written).not.toHaveProperty("file");
});

test("no token is created if its file cannot be written", async () => {
  const dir = join(world.dir, "dir");
  await mkdir(dir);
  for (const path of [dir, join(world.dir, "no/such/dir/token.yaml")]) {
    const ran = await world.run("token", "create", "-o", path);
    expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining("--output")]);
  }
  expect(edge.tokens).toHaveLength(0);
});

test("-o takes a regular file only: no link, pipe or device gets a secret", async () => {
  const at = (name: string) => join(world.dir, name);
  await writeFile(at("theirs"), "theirs");
  await symlink(at("theirs"), at("link"));
  await symlink(at("nothing"), at("dangling"));
  execFileSync("mkfifo", [at("pipe")]);
  const before = await readdir(world.dir);
  for (const path of [at("link"), at("dangling"), at("pipe"), "/dev/null", "/dev/stdout"]) {
    for (const words of [
      ["token", "create"],
      ["site", "create", "west"],
      ["key", "create", "ci", "--role", "viewer"],
    ]) {
      const ran = await world.run(...words, "-o", path);
      expect([ran.exit, ran.err]).toEqual([2, expect.stringContaining(`--output: ${path} is `)]);
    }
  }
  expect([edge.tokens, edge.sites, edge.keys]).toEqual([[], [], []]);
  expect(await readFile(at("theirs"), "utf8")).toBe("theirs");
  expect(await readdir(world.dir)).toEqual(before);
});

test("-o replaces a file, and leaves other hard links to the old file unchanged", async () => {
  const [file, other] = [join(world.dir, "token.yaml"), join(world.dir, "other")];
  await writeFile(other, "other");
  await link(other, file);
  expect((await world.run("token", "create", "-o", file)).exit).toBe(0);
  expect(await readFile(file, "utf8")).toContain("kind: Token");
  expect(await readFile(other, "utf8")).toBe("other");
});

test("a refusal leaves no empty file, and an older file unchanged", async () => {
  edge.override = ({ method }) => (method === "POST" ? { status: 502, text: "" } : null);
  const fresh = join(world.dir, "fresh.yaml");
  const old = join(world.dir, "old.yaml");
  await writeFile(old, "old");
  expect((await world.run("token", "create", "-o", fresh)).exit).toBe(6);
  expect((await world.run("token", "create", "-o", old)).exit).toBe(6);
  await expect(stat(fresh)).rejects.toThrow();
  expect(await readFile(old, "utf8")).toBe("old");
  expect((await readdir(world.dir)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
});

test("list shows the remaining uses of each token, and revoke ends a token", async () => {
  expect((await world.run("token", "list")).out).toContain("`fairlead token create` creates one");
  await world.run("token", "create");
  const { out } = await world.run("token", "list");
  expect(out).toMatch(/network +good +1 of 1 +in 10m/);
  const token = edge.tokens[0]?.id ?? "";
  const asked = await world.run("token", "revoke", token);
  expect(asked).toMatchObject({ exit: 2, out: "" });
  expect(asked.err).toContain("The token could admit 1 more site. Sites that joined with it stay.");
  expect(edge.tokens[0]?.state).toBe("good");
  expect((await world.run("token", "revoke", token, "--yes")).out).toBe(`Token ${token} revoked.\n`);
  expect((await world.run("token", "list")).out).toContain("revoked");
  expect((await world.run("token", "revoke", `t${"0".repeat(26)}`)).exit).toBe(4);
  const wrong = await world.run("token", "revoke", "token.yaml");
  expect([wrong.exit, wrong.err]).toEqual([2, expect.stringContaining('ID: "token.yaml": not a token id')]);
});

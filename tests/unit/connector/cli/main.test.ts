/** The program as a process: exit codes, streams, colours, signals, and what it does on an old Node. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exitCodeFor } from "../../../../connector/cli/framework/exit.ts";
import { ERRORS } from "../../../../protocol/errors.ts";
import { FakeEdge } from "../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../support/process/cli-world.ts";

const MAIN = join(import.meta.dirname, "../../../../connector/cli/main.ts");
let edge: FakeEdge;
let world: World;

beforeAll(async () => {
  [edge, world] = await Promise.all([FakeEdge.start(), makeWorld()]);
  await useEdge(world, edge);
  edge.addNetwork("shop");
  edge.addSite("west");
});
afterAll(async () => {
  await Promise.all([edge.stop(), world.remove()]);
});

function start(argv: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...world.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<{ exit: number | null; out: string; err: string }>((resolve) => {
    child.on("close", (exit) => resolve({ exit, out, err }));
  });
  return { child, ended, output: () => out };
}
const run = (argv: readonly string[], env?: Record<string, string>) => start(argv, env).ended;

test.each<[string, number, Record<string, string>]>([
  ["site list", 0, {}],
  ["--version", 0, {}],
  ["token --help", 0, {}],
  ["token", 2, {}],
  ["tokn create", 2, {}],
  ["site list --colour", 2, {}],
  ["site list extra", 2, {}],
  ["site list", 3, { FAIRLEAD_KEY: "flk_wrong" }],
  ["site status nobody", 4, {}],
  ["network create shop", 5, {}],
  ["site list", 6, { FAIRLEAD_URL: "https://127.0.0.1:1" }],
])("fairlead %s ends with exit code %i %o", async (line, wanted, env) => {
  const { exit, out, err } = await run(line.split(" "), env);
  expect(exit).toBe(wanted);
  if (wanted === 0) expect(err).toBe("");
  else
    expect([out, err]).toEqual(["", expect.stringMatching(/^error: .+\n {2}code: [a-z_.]+\n {2}do: .+\n$/)]);
});

test("output to a pipe has no colours, on stdout and stderr", async () => {
  const colour = "\u001b";
  expect((await run(["site", "list"], { FORCE_COLOR: "1" })).out).not.toContain(colour);
  expect((await run(["site", "status", "nobody"])).err).not.toContain(colour);
});

test("a wrong command line with --json is an error in JSON", async () => {
  const { exit, err } = await run(["token", "create", "--uses", "none", "--json"]);
  expect(exit).toBe(2);
  expect(JSON.parse(err)).toMatchObject({ error: { code: "request.invalid" } });
});

test("SIGTERM ends events --follow with exit code 0", async () => {
  edge.addEvent({ type: "site.up", text: "west is up", actor: "edge" });
  const { child, ended, output } = start(["events", "--follow"]);
  await expect.poll(output, { timeout: 60_000 }).toContain("west is up");
  child.kill("SIGTERM");
  expect(await ended).toMatchObject({ exit: 0, err: "" });
});

test("SIGTERM to the shell in which npx runs the command ends the command in order", async () => {
  const follow = [process.execPath, MAIN, "events", "--follow"];
  const npx = { npm_lifecycle_event: "npx", npm_lifecycle_script: "'fairlead'" };
  const child = spawn("/bin/sh", ["-c", '"$@"; exit', "sh", ...follow], {
    env: { PATH: process.env.PATH, ...world.env, ...npx },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  // The command holds the pipe, which the shell's end leaves open.
  const closed = once(child, "close");
  await expect.poll(() => out, { timeout: 60_000 }).toContain("west is up");
  child.kill("SIGTERM");
  expect(await closed).toEqual([null, "SIGTERM"]);
});

test("the first signal lets a command end, the second ends it with exit code 130", async () => {
  const interruption = JSON.stringify(pathToFileURL(join(MAIN, "../framework/interruption.ts")).href);
  const stubborn = `
    const { Interruption } = await import(${interruption});
    const interrupted = new Interruption().claim();
    interrupted.addEventListener("abort", () => console.log("asked"));
    setInterval(() => {}, 1000);
    console.log("ready");`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", stubborn]);
  let out = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  await expect.poll(() => out, { timeout: 60_000 }).toBe("ready\n");
  child.kill("SIGINT");
  await expect.poll(() => out, { timeout: 60_000 }).toBe("ready\nasked\n");
  child.kill("SIGINT");
  expect(await new Promise((resolve) => child.on("close", resolve))).toBe(130);
});

test("a connector that cannot start prints the reason: no token, no name, a damaged token", async () => {
  const state = join(world.dir, "west");
  const missing = await run(["connector", "run", "--site", "west", "--state", state]);
  expect([missing.exit, missing.err]).toEqual([2, expect.stringContaining("code: token.missing")]);
  const nameless = await run(["connector", "run"]);
  expect([nameless.exit, nameless.err]).toEqual([2, expect.stringContaining("Give --site NAME")]);
  const argv = ["connector", "run", "--site", "west", "--state", state, "--token", MAIN, "--json"];
  const damaged = await run(argv);
  expect(damaged.exit).toBe(2);
  expect(JSON.parse(damaged.err)).toMatchObject({ error: { code: "token.malformed" } });
});

test("a command that cannot start its program ends with its error", async () => {
  const hostnames = ["--api", "edge.example.com", "--gateway", "gateway.example.com"];
  const argv = ["edge", "deploy", ...hostnames, "--dry-run", "--wrangler", join(world.dir, "nothing")];
  expect(await run(argv)).toMatchObject({ exit: 2, err: expect.stringContaining("deploy.missing") });
});

test("a command that handles no signal in order ends by the signal itself", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const address = silent.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const reached = once(silent, "connection");
  const { child } = start(["network", "list"], {
    FAIRLEAD_URL: `https://127.0.0.1:${port}`,
    FAIRLEAD_KEY: "key",
  });
  const [socket] = await reached;
  child.kill("SIGTERM");
  expect(await once(child, "exit")).toEqual([null, "SIGTERM"]);
  socket.destroy();
  silent.close();
});

test("a reader that closes the pipe early causes no error", async () => {
  const { child, ended } = start(["help", "events"]);
  child.stdout.destroy();
  expect(await ended).toMatchObject({ exit: 0, err: "" });
});

test("an old Node is refused before anything else is imported", async () => {
  const source = readFileSync(MAIN, "utf8");
  expect(source.split("\n")[0]).toBe("#!/usr/bin/env node");
  expect(source.match(/^import .*/gm)).toEqual([
    'import { useCompileCache } from "./framework/compile-cache.ts";',
    'import { Interruption } from "./framework/interruption.ts";',
  ]);
  const imported = readFileSync(join(MAIN, "../framework/interruption.ts"), "utf8");
  expect(imported.match(/^import .*/gm)).toEqual(['import { constants } from "node:os";']);
  const pretend = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})";
  const child = spawn(process.execPath, ["--import", pretend, MAIN], { stdio: ["ignore", "ignore", "pipe"] });
  let err = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const exit = await new Promise((resolve) => child.on("close", resolve));
  expect(exit).toBe(exitCodeFor("cli.node"));
  expect(err).toBe(
    "error: fairlead needs Node 24.0 or later; this is Node 20.1.0.\n" +
      `  code: cli.node\n  do: ${ERRORS["cli.node"].action}\n`,
  );
});

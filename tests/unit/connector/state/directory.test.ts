import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { openStateDirectory } from "../../../../connector/state/directory.ts";
import { stateError } from "../../../../connector/state/errors.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";

const HOLDER = join(import.meta.dirname, "../../../support/process/state-holder.ts");
const ROLE = { role: "connector" } as const;

let home: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "fairlead-state-"));
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

/** Starts a process that opens the directory and holds on to it; resolves with what it said. */
async function hold(path: string): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn(process.execPath, [HOLDER, path], { stdio: ["pipe", "pipe", "pipe"] });
  children.push(child);
  const said = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    createInterface({ input: child.stderr }).once("line", resolve);
  });
  return { child, said };
}

function codeOf(action: () => unknown): string {
  try {
    action();
    return "none";
  } catch (error) {
    return error instanceof FairleadError ? error.code : String(error);
  }
}

describe("a state directory's lock", () => {
  test("refuses a second holder in the same process, and names the directory", async () => {
    const path = join(home, "state");
    const first = openStateDirectory(path, ROLE);
    expect(() => openStateDirectory(path, ROLE)).toThrow(path);
    expect(codeOf(() => openStateDirectory(path, ROLE))).toBe("state.locked");
    await first.close();
    await first.close();
    await openStateDirectory(path, ROLE).close();
  });

  test("survives failed attempts of others", async () => {
    const first = openStateDirectory(home, ROLE);
    codeOf(() => openStateDirectory(home, ROLE));
    expect((await hold(home)).said).toBe("state.locked");
    expect((await hold(home)).said).toBe("state.locked");
    await first.close();
    expect((await hold(home)).said).toBe("held");
  });

  test("outlives a StateDirectory that is garbage-collected", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    openStateDirectory(home, ROLE);
    for (let round = 0; round < 3; round++) {
      await new Promise((resolve) => setImmediate(resolve));
      collect();
    }
    expect(codeOf(() => openStateDirectory(home, ROLE))).toBe("state.locked");
  });

  test("is released when its holder is killed with SIGKILL, without output on stderr", async () => {
    const { child, said } = await hold(home);
    expect(said).toBe("held");
    expect(codeOf(() => openStateDirectory(home, ROLE))).toBe("state.locked");
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
    await openStateDirectory(home, ROLE).close();
  });

  test("is granted to exactly one of several processes at once", async () => {
    const path = join(home, "race");
    const said = (await Promise.all(Array.from({ length: 6 }, () => hold(path)))).map((each) => each.said);
    expect(said.filter((word) => word === "held")).toHaveLength(1);
    expect(said.filter((word) => word === "state.locked")).toHaveLength(5);
  });

  test("throws state.corrupt if the lock file is something else", () => {
    writeFileSync(join(home, "lock"), "x".repeat(2000));
    expect(codeOf(() => openStateDirectory(home, ROLE))).toBe("state.corrupt");
  });

  test("throws state.unwritable if the directory cannot be created", () => {
    writeFileSync(join(home, "file"), "");
    expect(codeOf(() => openStateDirectory(join(home, "file"), ROLE))).toBe("state.unwritable");
    expect(codeOf(() => openStateDirectory(join(home, "file", "deeper"), ROLE))).toBe("state.unwritable");
    mkdirSync(join(home, "odd", "lock"), { recursive: true });
    expect(codeOf(() => openStateDirectory(join(home, "odd"), ROLE))).toBe("state.unwritable");
  });
});

describe("a state directory's files", () => {
  const Schema = z.object({ name: z.string() });

  test("are accessible to their owner only unless a mode is given", async () => {
    const path = join(home, "new", "state");
    const state = openStateDirectory(path, ROLE);
    await state.writeAtomic("secret", "s");
    await state.writeAtomic("public", "p", { mode: 0o644 });
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(statSync(join(path, "secret")).mode & 0o777).toBe(0o600);
    expect(statSync(join(path, "public")).mode & 0o777).toBe(0o644);
    await state.close();
  });

  test("are read as they were written, and as null if they do not exist or were removed", async () => {
    const state = openStateDirectory(home, ROLE);
    expect(await state.read("a")).toBeNull();
    expect(await state.readJson("a", Schema)).toBeNull();
    await state.writeAtomic("a", new Uint8Array([0, 255]));
    expect(await state.read("a")).toEqual(Buffer.from([0, 255]));
    await state.writeAtomic("a", '{"name":"west"}');
    expect(await state.readJson("a", Schema)).toEqual({ name: "west" });
    await state.remove("a");
    await state.remove("a");
    expect(await state.read("a")).toBeNull();
    await state.close();
  });

  test("throw state.corrupt with their name if they are damaged", async () => {
    const state = openStateDirectory(home, ROLE);
    for (const content of ["", "{", '{"name":1}', "[]"]) {
      writeFileSync(join(home, "a.json"), content);
      const error = await state.readJson("a.json", Schema).catch((reason) => reason);
      expect(error).toMatchObject({ code: "state.corrupt", message: expect.stringContaining("a.json") });
    }
    await state.close();
  });

  test("have the content of the last write, and leave no drafts", async () => {
    const state = openStateDirectory(home, ROLE);
    await Promise.all(Array.from({ length: 20 }, (_, n) => state.writeAtomic("n", String(n))));
    expect(readFileSync(join(home, "n"), "utf8")).toBe("19");
    expect(readdirSync(home).sort()).toEqual(["lock", "n"]);
    await state.close();
  });

  test("throw an error with their name if they cannot be written, and do not block the next write", async () => {
    const state = openStateDirectory(home, ROLE);
    mkdirSync(join(home, "taken"));
    const error = await state.writeAtomic("taken", "x").catch((reason) => reason);
    expect(error).toMatchObject({ code: "state.unwritable", message: expect.stringContaining("taken") });
    await state.writeAtomic("free", "x");
    expect(readdirSync(home).sort()).toEqual(["free", "lock", "taken"]);
    await state.close();
  });

  test.each([
    ["ENOSPC", "state.full"],
    ["EDQUOT", "state.full"],
    ["EACCES", "state.unwritable"],
    ["EPERM", "state.unwritable"],
    ["EROFS", "state.unwritable"],
    ["ENOTDIR", "state.unwritable"],
  ])("report %s as %s", (errno, code) => {
    const error = stateError(Object.assign(new Error(errno), { code: errno }), "/s/file");
    expect(error.code).toBe(code);
    expect(error.message).toContain("/s/file");
  });
});

describe("a file that can be made anew", () => {
  const Shape = z.object({ offers: z.array(z.string()) });
  const about = (log: MemoryLog) => ({ loss: "Make it again.", log });

  test.each([
    ["empty", ""],
    ["truncated", '{"offers": ["a"'],
    ["not JSON", "\u0000\u0000\u0000"],
    ["of another shape", '{"offers": {}}'],
  ])("is set aside when it is %s, and the log names the new file", async (_, content) => {
    const state = openStateDirectory(join(home, "state"), ROLE);
    writeFileSync(state.file("offers.json"), content);
    const log = new MemoryLog();
    expect(await state.readOrSetAside("offers.json", Shape, about(log))).toBeNull();
    expect(readFileSync(state.file("offers.json.damaged"), "utf8")).toBe(content);
    expect(await state.read("offers.json")).toBeNull();
    expect(log.lines).toMatchObject([{ level: "warn", fields: { code: "state.corrupt" } }]);
    expect(log.lines[0]?.text).toContain("It is now offers.json.damaged. Make it again.");
    await state.writeAtomic("offers.json", '{"offers":["b"]}');
    expect(await state.readOrSetAside("offers.json", Shape, about(log))).toEqual({ offers: ["b"] });
    await state.close();
  });

  test("is no reason for a line when it is whole or absent", async () => {
    const state = openStateDirectory(join(home, "state"), ROLE);
    const log = new MemoryLog();
    expect(await state.readOrSetAside("offers.json", Shape, about(log))).toBeNull();
    expect(log.lines).toEqual([]);
    await state.close();
  });
});

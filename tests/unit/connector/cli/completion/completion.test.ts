import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { COMMANDS } from "../../../../../connector/cli/commands.ts";
import { makeWorld, type World } from "../../../../support/process/cli-world.ts";

let world: World;

beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await world.remove();
});

/** What a command line prints past the streams of the world. */
async function printed(...argv: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  vi.spyOn(console, "log").mockImplementation((text: string) => void lines.push(...text.split("\n")));
  const { exit } = await world.run(...argv);
  expect(exit).toBe(0);
  return lines;
}

const proposed = (...words: readonly string[]) => printed("complete", "--", ...words);
const firstWords = (lines: readonly string[]) => lines.slice(0, -1).map((line) => line.split("\t")[0]);

describe("fairlead complete", () => {
  it("proposes the first word of every command", async () => {
    const words = firstWords(await proposed(""));
    expect(new Set(words)).toEqual(new Set(COMMANDS.map(({ path }) => path[0])));
    expect(new Set(words).size).toBe(words.length);
  });

  it("proposes the second words that begin as typed, with their summaries", async () => {
    expect(await proposed("site", "re")).toEqual(["revoke\tRevoke a site at once.", ":4"]);
  });

  it("proposes the options of the command, and nothing in place of a value", async () => {
    expect(firstWords(await proposed("token", "create", "--"))).toEqual(
      expect.arrayContaining(["--uses", "--expiry", "--json"]),
    );
    expect(await proposed("token", "create", "--uses", "")).toEqual([":4"]);
  });

  it("leaves file names to the shell where a path stands", async () => {
    for (const words of [
      ["link", "create"],
      ["token", "create", "-o"],
      ["connector", "run", "--config"],
    ]) {
      expect(await proposed(...words, "")).toEqual([":0"]);
    }
  });
});

describe("fairlead completion", () => {
  it.each(["bash", "zsh", "fish"])("prints a script for %s that asks fairlead", async (shell) => {
    expect((await printed("completion", shell)).join("\n")).toContain("fairlead complete --");
  });

  it("refuses another shell", async () => {
    expect(await world.run("completion", "tcsh")).toMatchObject({ exit: 2, out: "" });
  });
});

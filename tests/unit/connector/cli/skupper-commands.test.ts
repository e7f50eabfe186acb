import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { COMMANDS } from "../../../../connector/cli/commands.ts";
import { insteadOf, SKUPPER_COMMANDS } from "../../../../connector/cli/skupper-commands.ts";
import { makeWorld, type World } from "../../../support/process/cli-world.ts";
import { ROOT } from "../../../support/process/cluster.ts";

let world: World;

beforeEach(async () => {
  world = await makeWorld();
});
afterEach(() => world.remove());

describe("fairlead", () => {
  it.each([
    ["init", "fairlead kubernetes manifest --site NAME --token FILE"],
    ["init --site-name west", "fairlead connector run --site NAME --token FILE"],
    ["service create db 5432", "fairlead expose NAME=HOST:PORT"],
    ["service bind db deployment/db", "fairlead expose NAME=HOST:PORT"],
    ["debug events", "fairlead events"],
    ["network status", "fairlead status"],
    ["gateway init --type docker", "Any machine can be a site"],
    ["token create west.yaml", "fairlead token create -o FILE"],
    ["expose deployment/backend --port 8080", "kubectl annotate RESOURCE NAME fairlead.dev/expose=true"],
    ["unexpose deployment/backend", "fairlead unexpose NAME"],
  ])("names its own command for `skupper %s`", async (line, instead) => {
    const { exit, out, err } = await world.run(...line.split(" "));
    expect([exit, out]).toEqual([2, ""]);
    expect(err).toContain("is a command of Skupper.");
    expect(err.replaceAll(/\s+/g, " ")).toContain(instead);
  });

  it("keeps its own errors for commands that Skupper does not have", async () => {
    for (const line of ["token create", "nonsense", "site delete", "expose db"]) {
      expect((await world.run(...line.split(" "))).err).not.toContain("Skupper");
    }
  });
});

describe("SKUPPER_COMMANDS", () => {
  it("names only commands that exist", () => {
    const known = COMMANDS.map(({ path }) => `fairlead ${path.join(" ")}`);
    for (const { words, instead } of SKUPPER_COMMANDS) {
      for (const [, command = ""] of instead.matchAll(/`(fairlead [^`]+)`/g)) {
        const found = known.some((each) => `${command} `.startsWith(`${each} `));
        expect(found, `${words}: ${command}`).toBe(true);
      }
    }
  });

  it("has no command that Fairlead has, and each is on the page", async () => {
    const page = await readFile(join(ROOT, "docs", "from-skupper.md"), "utf8");
    const own = new Set(COMMANDS.map(({ path }) => path.join(" ")));
    for (const { words } of SKUPPER_COMMANDS) {
      expect(own.has(words)).toBe(false);
      const [first = "", second = ""] = words.split(" ");
      const typed = second === "" || /[A-Z]/.test(second) ? first : `${first} ${second}`;
      expect(page, words).toContain(`\`skupper ${typed}`);
    }
  });

  it("matches words in capitals with anything, and RESOURCE/NAME with a slash alone", () => {
    expect(insteadOf(["expose", "db=5432"])).toBeNull();
    expect(insteadOf(["expose", "statefulset/db"])).toContain("kubectl annotate");
    expect(insteadOf(["token", "create"])).toBeNull();
    expect(insteadOf(["token", "create", "-o", "west.yaml"])).toBeNull();
    expect(insteadOf([])).toBeNull();
  });
});

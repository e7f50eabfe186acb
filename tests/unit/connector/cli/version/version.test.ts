import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { version } from "../../../../../connector/version.ts";
import { FakeEdge } from "../../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../../support/process/cli-world.ts";

let edge: FakeEdge;
let world: World;

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterAll(() => edge.stop());
beforeEach(async () => {
  world = await makeWorld();
});
afterEach(async () => {
  await world.remove();
  edge.clear();
});

/** Adds a site with one connector of this version. */
function addSite(name: string, software: string): void {
  for (const instance of edge.addSite(name).instances) instance.software = software;
}

describe("fairlead version", () => {
  it("shows the command alone without a login, and how to log in", async () => {
    const { exit, out } = await world.run("version");
    expect(exit).toBe(0);
    expect(out).toMatch(new RegExp(`^command +${version()}`, "m"));
    expect(out).toContain("`fairlead login URL`");
  });

  it("shows the edge and every connector, and marks what is older than the newest", async () => {
    await useEdge(world, edge);
    edge.addNetwork("shop");
    edge.version = "0.10.0";
    addSite("west", "fairlead/0.10.0");
    addSite("east", "fairlead/0.9.2");
    const { out } = await world.run("version");
    expect(out).toMatch(/^edge +https:\S+ +0\.10\.0$/m);
    expect(out).toMatch(/^connector +west +0\.10\.0$/m);
    expect(out).toMatch(/^connector +east +0\.9\.2 +behind$/m);
    expect(out).toContain("2 of 4 are behind 0.10.0.");
    expect(await world.json("version")).toMatchObject({
      newest: "0.10.0",
      programs: [
        { program: "command", behind: true },
        { program: "edge", where: edge.url, behind: false },
        { program: "connector", where: "west", behind: false },
        { program: "connector", where: "east", version: "0.9.2", behind: true },
      ],
    });
  });

  it("shows the edge alone while there is no network", async () => {
    await useEdge(world, edge);
    const { exit, out } = await world.run("version");
    expect([exit, out]).toEqual([0, expect.stringMatching(/^edge /m)]);
    expect(out).not.toContain("behind");
  });

  it("fails with the code of an edge that refuses the key", async () => {
    await useEdge(world, edge);
    world.env.FAIRLEAD_KEY = "flk_wrong";
    expect(await world.run("version")).toMatchObject({ exit: 3, out: "" });
  });
});

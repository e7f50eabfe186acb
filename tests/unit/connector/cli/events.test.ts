import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { EdgeClient } from "../../../../connector/net/edge-client.ts";
import { listNetworks } from "../../../../connector/operator/edge-api.ts";
import { FakeEdge } from "../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../support/process/cli-world.ts";

let edge: FakeEdge;
let world: World;

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterAll(() => edge.stop());
beforeEach(async () => {
  edge.clear();
  world = await makeWorld();
  await useEdge(world, edge);
  edge.addNetwork("shop");
});
afterEach(() => world.remove());

const add = (count: number, site = "west", at?: string) => {
  for (let each = 0; each < count; each++) {
    edge.addEvent({ type: "site.up", site, text: `event ${edge.events.length + 1}`, actor: "edge" }, at);
  }
};
const ids = (events: unknown) => (events as { id: number }[]).map(({ id }) => id);
const range = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);
const lines = (out: string): { id?: number; type: string; at: string }[] =>
  out
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));

/** Calls `act` at each look of a follower at the log, with its number. */
function atEachLook(act: (look: number) => { status: number; text: string } | undefined): void {
  let looks = 0;
  edge.override = ({ path }) => {
    if (!path.endsWith("/events")) return null;
    looks += 1;
    return act(looks) ?? null;
  };
}

describe("fairlead events", () => {
  it("reads everything that is kept with --all, by pages, and each event once", async () => {
    add(2_345);
    expect(ids(await world.json("events", "--all"))).toEqual(range(1, 2_345));
    expect(edge.log.filter((line) => line.includes("/events"))).toHaveLength(3);
  });

  it("reads as many of the newest events as --limit says, also beyond a page", async () => {
    add(2_345);
    expect(ids(await world.json("events", "--limit", "1200"))).toEqual(range(1_146, 2_345));
    expect(ids(await world.json("events", "--limit", "3"))).toEqual(range(2_343, 2_345));
  });

  it("continues before and after an id, and says where to continue", async () => {
    add(120);
    const newest = await world.run("events");
    expect(newest.err).toBe("There are older events: continue with --before 71, or show --all.\n");
    expect(ids(await world.json("events", "--before", "71", "--limit", "10"))).toEqual(range(61, 70));
    expect(ids(await world.json("events", "--after", "100"))).toEqual(range(101, 120));
    const after = await world.run("events", "--after", "100", "--limit", "5");
    expect(after.err).toBe("There are newer events: continue with --after 105.\n");
    expect((await world.run("events", "--after", "119")).err).toBe("");
    expect((await world.run("events", "--after", "500")).err).toContain("The newest event has the id 120");
  });

  it("filters by site, type and time on every page", async () => {
    add(1_100, "west", "2026-11-20T08:00:00.000Z");
    add(1_100, "east", "2026-11-20T10:00:00.000Z");
    add(10, "west", "2026-11-20T10:00:00.000Z");
    expect(ids(await world.json("events", "--site", "west", "--all"))).toEqual([
      ...range(1, 1_100),
      ...range(2_201, 2_210),
    ]);
    expect(ids(await world.json("events", "--since", "1h"))).toEqual(range(1_101, 2_210));
    expect(ids(await world.json("events", "--site", "east", "--type", "site", "--after", "2190"))).toEqual(
      range(2_191, 2_200),
    );
  });

  it("refuses options that exclude each other", async () => {
    for (const options of [
      ["--all", "--limit", "3"],
      ["--follow", "--before", "3"],
      ["--before", "3", "--after", "1"],
      ["--edge", "--site", "west"],
    ]) {
      const { exit, err } = await world.run("events", ...options);
      expect([exit, err]).toEqual([2, expect.stringContaining("exclude each other")]);
    }
  });

  it("reads the events of an edge that is older, or newer, than this version", async () => {
    const event = { id: 1, at: "2026-11-20T10:00:00.000Z", type: "site.dreamt", text: "x", actor: "edge" };
    edge.override = ({ path }) =>
      path.endsWith("/events") ? { status: 200, text: JSON.stringify([event]) } : null;
    expect(await world.json("events", "--all")).toEqual([event]);
    expect((await world.run("events", "--before", "3")).err).toContain("older version");
  });
});

describe("fairlead events --follow", () => {
  it("prints every event of a burst that is longer than a page, and none twice", async () => {
    add(3);
    atEachLook((look) => {
      if (look === 2) add(3_500);
      if (look === 4) add(50);
      if (edge.events.length > 3_500 && look === 8) world.interrupt.abort();
      return undefined;
    });
    const { out } = await world.run("events", "--follow", "--json");
    expect(lines(out).map(({ id }) => id)).toEqual(range(1, 3_553));
  });

  it("does not look again at events that do not match", async () => {
    add(1_500, "east");
    atEachLook((look) => {
      if (look === 2) add(1);
      if (look === 3) world.interrupt.abort();
      return undefined;
    });
    const { out } = await world.run("events", "--follow", "--site", "west", "--json");
    expect(lines(out).map(({ id }) => id)).toEqual([1_501]);
    expect(edge.log.at(-2)).toContain("after=1500");
  });

  it("continues after an id that a program has stored", async () => {
    add(2_000);
    atEachLook((look) => {
      if (look === 3) world.interrupt.abort();
      return undefined;
    });
    const { out } = await world.run("events", "--follow", "--json", "--after", "900");
    expect(lines(out).map(({ id }) => id)).toEqual(range(901, 2_000));
  });

  it.each([
    ["smaller ids", 5],
    ["larger ids", 80],
  ])("says that the log began anew, and continues with its events: %s", async (_, count) => {
    add(60, "west", "2026-11-20T08:00:00.000Z");
    const began = "2026-11-20T11:00:00.000Z";
    atEachLook((look) => {
      if (look === 2) {
        edge.events.length = 3;
        edge.began = began;
        add(count, "east", began);
      }
      if (look === 4) world.interrupt.abort();
      return undefined;
    });
    const { out, err } = await world.run("events", "--follow", "--json");
    const printed = lines(out).slice(50);
    expect(printed[0]).toEqual({ type: "log.began", at: began, text: expect.stringContaining("anew") });
    expect(printed.slice(1).map(({ id }) => id)).toEqual(range(4, 3 + count));
    expect(err).toContain(`The event log began anew at ${began}`);
  });
});

describe("an identity token in a file", () => {
  const token = (name: string) => `eyJhbGciOiJSUzI1NiJ9.${btoa(name).replaceAll("=", "")}.c2ln`;
  let file: string;
  const renew = async (name: string) => {
    await writeFile(`${file}.next`, token(name));
    await rename(`${file}.next`, file);
  };

  beforeEach(async () => {
    file = join(world.dir, "identity");
    await writeFile(file, token("first"));
    edge.bearer = token("first");
    delete world.env.FAIRLEAD_KEY;
    world.env.FAIRLEAD_OIDC = file;
  });

  it("is read again by a follower before each request", async () => {
    add(1);
    atEachLook((look) => {
      if (look === 1) void renew("second");
      if (look === 2) {
        add(1);
        world.interrupt.abort();
      }
      return undefined;
    });
    const tokens: (string | undefined)[] = [];
    const look = edge.override;
    edge.override = (request) => {
      if (request.path.endsWith("/events")) tokens.push(request.authorization);
      edge.bearer = request.authorization?.replace("Bearer ", "") ?? "";
      return look?.(request) ?? null;
    };
    const { err } = await world.run("events", "--follow", "--json");
    expect([tokens, err]).toEqual([[`Bearer ${token("first")}`, `Bearer ${token("second")}`], ""]);
  });

  it("is waited for by a follower when the edge refuses the one in the file", async () => {
    add(1);
    atEachLook((look) => {
      if (look === 2) {
        edge.bearer = token("second");
        add(1);
        setTimeout(() => void renew("second"), 1500);
      }
      if (look === 4) world.interrupt.abort();
      return undefined;
    });
    const { exit, out, err } = await world.run("events", "--follow", "--json");
    expect([exit, lines(out).map(({ id }) => id)]).toEqual([0, [1, 2]]);
    expect(err.match(/Waiting for another identity token in the file/g)).toHaveLength(1);
  });

  it("is read again by a command that the edge refuses", async () => {
    edge.bearer = token("second");
    const read = [token("first"), token("second")];
    const client = new EdgeClient({
      url: edge.url,
      ca: edge.tls.ca,
      key: token("first"),
      readKey: async () => read.shift() ?? token("second"),
    });
    expect((await listNetworks(client)).map(({ name }) => name)).toEqual(["shop"]);
    await client.close();
  });
});

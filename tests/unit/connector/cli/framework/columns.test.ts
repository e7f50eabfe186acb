/** The output of commands on narrow terminals, with the longest names. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Printer } from "../../../../../connector/cli/framework/printer.ts";
import { printSiteServices } from "../../../../../connector/cli/views/services.ts";
import type { Services } from "../../../../../connector/control/schema.ts";
import { FakeEdge } from "../../../../support/edge/fake-edge.ts";
import { makeWorld, useEdge, type World } from "../../../../support/process/cli-world.ts";

/** Returns a name of 63 characters, the most of a DNS label. */
const longest = (text: string) => text.padEnd(62, "-x").slice(0, 62) + text.slice(0, 1);
const IPV6 = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";

let edge: FakeEdge;
let world: World;

beforeAll(async () => {
  edge = await FakeEdge.start();
});
afterAll(() => edge.stop());
beforeEach(async () => {
  world = await makeWorld();
  await useEdge(world, edge);
  world.env.NO_COLOR = "1";
  edge.addNetwork(longest("shop"));
  for (const name of ["west", "east"]) {
    const site = edge.addSite(longest(name));
    site.services = [longest("api"), longest("db")];
    site.listeners = [
      {
        ...{ service: longest("api"), address: IPV6, state: "failed", code: "listener.port_in_use" },
        message:
          "Another program of this machine has the port, and the connector tries again until it is free.",
      },
    ];
  }
  edge.addLink({ name: longest("link"), joiner: longest("west"), issuer: longest("east"), state: "down" });
  edge.addEvent({
    ...{ type: "uplink.refused", site: longest("west"), code: "uplink.malformed", actor: longest("west") },
    text: `Site ${longest("west")} was refused, because it sent a message that the edge does not know.`,
  });
});
afterEach(async () => {
  await world.remove();
  edge.clear();
});

/** Whether a line has a word that cannot be broken and leaves no room for another. */
const hasLongWord = (line: string, columns: number) =>
  line.split(/ +/).some((word) => word.length > columns - 24);

/** Expects lines that fit. Below 80 columns a sentence may have words that do not. */
function expectFit(text: string, columns: number): void {
  expect(text).not.toBe("");
  for (const line of text.split("\n"))
    expect(line.length <= columns || (columns < 80 && hasLongWord(line, columns)), line).toBe(true);
}

describe.each([80, 60, 40])("On a terminal of %i columns", (columns) => {
  test.each([
    ...["status", "site list", "service list", "link list", "network list", "events", "version"],
    ...["token list", "key list", `site status ${longest("west")}`],
  ])("the lines of `fairlead %s` fit, and every name is complete", async (words) => {
    world.columns = columns;
    const { out, err, exit } = await world.run(...words.split(" "));
    expect([exit, err]).toEqual([0, ""]);
    expectFit(out, columns);
    world.columns = undefined;
    const whole = await world.run(...words.split(" "));
    const letters = (text: string) => [...text.replaceAll(/\s/g, "")].sort().join("");
    // Only a table that became a list repeats its titles.
    if (!/^ {2}[A-Z]+ {2}/m.test(out)) expect(letters(out)).toBe(letters(whole.out));
  });

  test("the lines of an error fit, with its action", async () => {
    world.columns = columns;
    const { err } = await world.run("site", "status", "nowhere");
    expectFit(err, columns);
    expect(err).toMatch(/^error: .*\n(.*\n)* {2}code: \S+\n {2}do: /);
  });

  test("the services of a site fit", () => {
    let text = "";
    const out = new Printer(
      {
        write: (more: string) => {
          text += more;
        },
        isTTY: true,
        columns,
      },
      { NO_COLOR: "1" },
    );
    const listener = { address: IPV6, state: "listening" as const };
    const services: Services = {
      services: [
        { name: longest("api"), protocol: "http2", port: 65535, sites: [longest("west")], listener },
        { name: "db", protocol: "tcp", port: 5432, sites: ["west", longest("east")], listener: null },
      ],
      offers: [],
      ingress: [
        {
          ...{ hostname: `${longest("shop")}.example.com`, service: longest("api"), access: "oidc" },
          ...{ state: "refused", granted: false, code: "ingress.not_granted", message: "It is not granted." },
        },
      ],
    };
    printSiteServices(out, services, Date.now());
    expectFit(text, columns);
  });
});

import { expect, test } from "vitest";
import { mergeConfig, parseConfig } from "../../../../connector/cli/connector/config.ts";

const FILE = `
site: west
token: [token.yaml]
expose: [api=9000/http, db=10.0.0.7:5432]
to: [db=east]
hop: [db]
allow-hop: [all]
bind: 127.2.0.0/16
`;

test("a config file has the options of the command under their own names", async () => {
  expect(await parseConfig(FILE, "west.yaml")).toMatchObject({
    site: "west",
    tokens: ["token.yaml"],
    expose: ["api=9000/http", "db=10.0.0.7:5432"],
    listen: [],
    to: ["db=east"],
    hop: ["db"],
    allowHop: ["all"],
    bind: "127.2.0.0/16",
  });
  expect(await parseConfig("", "empty.yaml")).toMatchObject({ tokens: [], expose: [], listen: [] });
});

test("options come before the file: single values replace, lists add up and replace by name", async () => {
  const file = await parseConfig(FILE, "west.yaml");
  const options = {
    site: "east",
    hop: ["api"],
    tokens: ["other.yaml"],
    expose: ["api=9001"],
    to: ["db=west", "api=west"],
    listen: ["db=15432"],
  };
  expect(mergeConfig(file, options)).toEqual({
    site: "east",
    state: undefined,
    bind: "127.2.0.0/16",
    tokens: ["other.yaml", "token.yaml"],
    expose: ["db=10.0.0.7:5432", "api=9001"],
    to: ["db=west", "api=west"],
    listen: ["db=15432"],
    hop: ["db", "api"],
    allowHop: ["all"],
  });
});

test.each([
  ["sites: west", "sites"],
  ["site: West", "site"],
  ["expose: api=9000", "expose"],
  ["expose: [api]", "--expose"],
  ["bind: nowhere", "--bind"],
  ["hop: [api=9000]", "--hop"],
  ["to: [api]", "--to"],
  ["site: [", "west.yaml"],
])("%j is refused, naming what is wrong", async (text, name) => {
  const failure = await parseConfig(text, "west.yaml").catch((thrown: unknown) => thrown);
  expect(failure).toMatchObject({ code: "request.invalid" });
  expect(String(failure)).toContain("west.yaml");
  expect(String(failure)).toContain(name);
});

test("the keepalive of local connections is a duration or off, and off replaces the file's", async () => {
  const file = await parseConfig("keepalive: 1m", "west.yaml");
  expect(file.keepalive).toBe(60);
  expect((await parseConfig('keepalive: "off"', "west.yaml")).keepalive).toBeNull();
  const nothing = { tokens: [], expose: [], listen: [] };
  expect(mergeConfig(file, { ...nothing, keepalive: null }).keepalive).toBeNull();
  expect(mergeConfig(file, nothing).keepalive).toBe(60);
  await expect(parseConfig("keepalive: 10h", "west.yaml")).rejects.toMatchObject({ code: "request.invalid" });
});

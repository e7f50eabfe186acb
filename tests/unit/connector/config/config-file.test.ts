import { describe, expect, it } from "vitest";
import { COMMANDS } from "../../../../connector/cli/commands.ts";
import { ConfigFile, parseConfigFile, readConfigFile } from "../../../../connector/config/config-file.ts";
import { mergeConfig } from "../../../../connector/config/connector-config.ts";
import { parseHealth } from "../../../../connector/config/health-options.ts";
import { parseExpose } from "../../../../connector/config/service-options.ts";
import { configSchema } from "../../../../scripts/config-schema.ts";

const FILE = `
# yaml-language-server: $schema=connector-config.schema.json
site: west
token: [token.yaml]
expose:
  - api=9000/http
  - db=10.0.0.7:5432
to: [db=east]
hop: [db]
allow-hop: [all]
health: ["api=http:/up", db=tcp]
bind: 127.2.0.0/16
drain: 0s
keepalive: "off"
memory: 512M
log-level: info,session=debug
log: [requests]
metrics: "*:9464"
observe: [db=off]
telemetry: off
listen-tls: [db=network]
target-tls: ["api=ca=/ca.pem"]
proxy-protocol: [api=v2]
retry: ["api=PUT"]
trust-proxies: ["10.0.0.0/8", "api=fd00::/8"]
`;

describe("parseConfigFile", () => {
  it("returns the options of the command, parsed", async () => {
    expect(await parseConfigFile(FILE, "west.yaml")).toMatchObject({
      site: "west",
      tokens: ["token.yaml"],
      expose: [parseExpose("api=127.0.0.1:9000/http"), parseExpose("db=10.0.0.7:5432/tcp")],
      to: [{ name: "db", to: ["east"] }],
      hop: ["db"],
      allowHop: ["all"],
      health: [parseHealth("api=http:/up"), parseHealth("db=tcp")],
      bind: { kind: "range", range: { text: "127.2.0.0/16" } },
      drain: 0,
      keepalive: null,
      memory: 512 * 1024 * 1024,
      logLevel: { level: "info", parts: { session: "debug" } },
      log: ["requests"],
      metrics: { host: null, port: 9464 },
      observe: [{ name: "db", isOn: false }],
      telemetry: false,
      listenTls: [{ name: "db", source: { kind: "network" } }],
      targetTls: [{ name: "api", ca: "/ca.pem", isInsecure: false }],
      proxyProtocol: [{ name: "api", version: "v2" }],
      retry: [{ name: "api", methods: ["PUT"] }],
      trustProxies: [
        { name: "*", ranges: ["10.0.0.0/8"] },
        { name: "api", ranges: ["fd00::/8"] },
      ],
    });
  });

  it.each(["", "# nothing\n", "{}"])("accepts %j as a file without options", async (text) => {
    expect(mergeConfig(await parseConfigFile(text, "west.yaml"), {})).toEqual(mergeConfig({}, {}));
  });

  it.each([
    ["site: west\nsites: west", "west.yaml:2:1: sites: there is no such field."],
    ["site: West", "west.yaml:1:7: site: a site name must be 1 to 63 of a-z"],
    ["expose: api=9000", "west.yaml:1:9: expose: "],
    [
      "expose:\n  - db=5432\n  - api",
      'west.yaml:3:5: expose.1: "api": the form is NAME[:PORT]=[HOST:]PORT[/PROTOCOL][,…].',
    ],
    ["bind: nowhere", 'west.yaml:1:7: bind: "nowhere": give an IP address'],
    ["hop: [api=9000]", "west.yaml:1:7: hop.0: "],
    ["health: [db=udp]", 'west.yaml:1:10: health.0: "db=udp": the form is NAME[:PORT]='],
    ["to: [api]", 'west.yaml:1:6: to.0: "api": the form is NAME=SITE,…'],
    ["drain: 5", "west.yaml:1:8: drain: "],
    ["keepalive: 10h", 'west.yaml:1:12: keepalive: "10h" is longer than'],
    ["memory: 1K", "west.yaml:1:9: memory: "],
    ["lanes: 9", "west.yaml:1:8: lanes: "],
    ["listen-tls: [db=a.pem]", 'west.yaml:1:14: listen-tls.0: "db=a.pem": the form is NAME=network or'],
    ["telemetry: maybe", 'west.yaml:1:12: telemetry: "maybe" is neither on nor off.'],
    ["observe: [db]", 'west.yaml:1:11: observe.0: "db": the form is NAME=on or NAME=off.'],
    ["log: [queries]", "west.yaml:1:7: log.0: "],
    ["log-level: loud", 'west.yaml:1:12: log-level: "loud" is no level'],
    ["log-level: info,engine=debug", 'west.yaml:1:12: log-level: "engine" is no part'],
    ["site: [", "west.yaml:1:"],
    ["site: west\nsite: east", "west.yaml:2:1: "],
    ["- site: west", "west.yaml:1:1: the whole: "],
  ])("refuses %j with the place and the reason", async (text, message) => {
    const failure = await parseConfigFile(text, "west.yaml").catch((thrown: unknown) => thrown);
    expect(failure).toMatchObject({ code: "request.invalid", message: expect.stringContaining(message) });
    expect(String(failure)).toMatch(/\.$/);
  });
});

describe("readConfigFile", () => {
  it("refuses a file that is not there with the reason", async () => {
    await expect(readConfigFile("/nowhere/west.yaml")).rejects.toMatchObject({
      code: "file.unreadable",
      message: expect.stringContaining("ENOENT"),
    });
  });
});

describe("the fields of the configuration file", () => {
  const fields = Object.keys(ConfigFile.shape);

  it("are options of `connector run`", () => {
    const run = COMMANDS.find(({ path }) => path.join(" ") === "connector run");
    const flags = Object.values(run?.options ?? {}).map((option) => option.flags.split(" ")[0]);
    for (const field of fields) expect(flags).toContain(`--${field}`);
    // `kubernetes` has its settings as fields of its own.
    const settings = Object.keys(JSON.parse(configSchema()).properties.kubernetes.properties);
    for (const setting of settings) {
      expect(flags.some((flag) => flag === `--${setting}` || flag === `--kubernetes-${setting}`)).toBe(true);
    }
    expect(flags).toHaveLength(fields.length + settings.length + 1);
  });

  it("have a description each in the JSON schema", () => {
    const schema = JSON.parse(configSchema());
    expect(Object.keys(schema.properties)).toEqual(fields);
    for (const field of fields) {
      const { description, items } = schema.properties[field];
      expect(description, field).toMatch(/^[A-Z].*\.$/);
      if (items) expect(items.description, field).toMatch(/^[A-Z].*\.$/);
    }
    expect(schema.additionalProperties).toBe(false);
  });

  it("have examples that the parser and the pattern accept", async () => {
    const { properties } = JSON.parse(configSchema());
    for (const field of fields) {
      const { items, ...single } = properties[field];
      for (const example of (items ?? single).examples ?? []) {
        if ((items ?? single).pattern) expect(example).toMatch(new RegExp((items ?? single).pattern));
        const value = JSON.stringify(items ? [example] : example);
        await parseConfigFile(`${field}: ${value}`, "example.yaml");
      }
    }
  });
});

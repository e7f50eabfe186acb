import { describe, expect, it } from "vitest";
import {
  type ConnectorUnitOptions,
  connectorUnit,
  edgeUnit,
} from "../../../../../connector/operator/service-unit/unit.ts";

const CONNECTOR: ConnectorUnitOptions = {
  program: ["/usr/bin/node", "/usr/lib/node_modules/fairlead/dist/cli/main.js"],
  name: "fairlead-connector",
  site: "west",
  tokens: [],
  config: undefined,
  drain: 30,
  lowPorts: false,
};
const EDGE = {
  program: ["/usr/bin/node", "/opt/main.js"],
  name: "fairlead-edge",
  api: "0.0.0.0:8443",
  gateway: "0.0.0.0:8444",
  lanes: undefined,
  hostname: "edge.example",
} as const;

/** The values of a setting, in order. */
const settings = (unit: string, name: string) =>
  unit.split("\n").flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));

describe("connectorUnit", () => {
  it("keeps the state in the directory that systemd makes", () => {
    const unit = connectorUnit({ ...CONNECTOR, name: "west" });
    expect(settings(unit, "StateDirectory")).toEqual(["west"]);
    expect(settings(unit, "Environment")).toEqual(["FAIRLEAD_STATE=/var/lib/west"]);
  });

  it("passes token files as credentials of systemd, in order", () => {
    const unit = connectorUnit({ ...CONNECTOR, tokens: ["/etc/one.yaml", "/etc/two.yaml"] });
    expect(settings(unit, "LoadCredential")).toEqual(["token0:/etc/one.yaml", "token1:/etc/two.yaml"]);
    const [start] = settings(unit, "ExecStart");
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of systemd
    expect(start).toMatch("--token ${CREDENTIALS_DIRECTORY}/token0 --token ${CREDENTIALS_DIRECTORY}/token1");
  });

  it("waits longer than the connector drains", () => {
    expect(settings(connectorUnit({ ...CONNECTOR, drain: 120 }), "TimeoutStopSec")).toEqual(["135s"]);
  });

  it("reloads only with a configuration file, since SIGHUP ends a connector without one", () => {
    expect(settings(connectorUnit(CONNECTOR), "ExecReload")).toEqual([]);
    const unit = connectorUnit({ ...CONNECTOR, config: "/etc/fairlead/connector.yaml" });
    expect(settings(unit, "ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
  });

  it("has no capability, or the one for low ports", () => {
    expect(settings(connectorUnit(CONNECTOR), "CapabilityBoundingSet")).toEqual([""]);
    const low = connectorUnit({ ...CONNECTOR, lowPorts: true });
    expect(settings(low, "AmbientCapabilities")).toEqual(["CAP_NET_BIND_SERVICE"]);
  });

  it("quotes words, and expands neither specifiers nor variables", () => {
    const [start] = settings(connectorUnit({ ...CONNECTOR, config: '/etc/a b/%h"$HOME.yaml' }), "ExecStart");
    expect(start).toContain('--config "/etc/a b/%%h\\"$$HOME.yaml"');
  });

  it("refuses a path that would begin another setting", () => {
    const evil = { ...CONNECTOR, config: "/etc/a\nExecStartPre=/bin/false" };
    expect(() => connectorUnit(evil)).toThrow("control character");
    expect(() => connectorUnit({ ...CONNECTOR, tokens: ["/etc/a b.yaml"] })).toThrow("space");
  });

  it("can run a program in a home directory", () => {
    expect(settings(connectorUnit(CONNECTOR), "ProtectHome")).toEqual(["yes"]);
    const unit = connectorUnit({ ...CONNECTOR, program: ["/home/ann/fairlead"] });
    expect(settings(unit, "ProtectHome")).toEqual(["read-only"]);
  });
});

describe("edgeUnit", () => {
  it("starts the edge at its addresses, without a login", () => {
    expect(settings(edgeUnit(EDGE), "ExecStart")).toEqual([
      "/usr/bin/node /opt/main.js edge start --json --no-login --state /var/lib/fairlead-edge --api 0.0.0.0:8443 --gateway 0.0.0.0:8444 --hostname edge.example",
    ]);
  });

  it("has the capability for low ports only when an address has one", () => {
    expect(settings(edgeUnit(EDGE), "AmbientCapabilities")).toEqual([]);
    expect(settings(edgeUnit({ ...EDGE, lanes: "off" }), "AmbientCapabilities")).toEqual([]);
    expect(settings(edgeUnit({ ...EDGE, api: "[::]:443" }), "AmbientCapabilities")).toEqual([
      "CAP_NET_BIND_SERVICE",
    ]);
  });
});

import { describe, expect, it } from "vitest";
import {
  changeBetween,
  type ManagedExposure,
  type ManagedPort,
  selectManaged,
} from "../../../../connector/targets/managed-exposures.ts";
import type { ServiceExportDetails } from "../../../../protocol/uplink/export-details.ts";
import { longDetails } from "../../../support/edge/export-details.ts";

const port = (servicePort: number, ...hosts: string[]): ManagedPort => ({
  ...{ servicePort, protocol: "tcp" },
  targets: hosts.map((host) => ({ host, port: 8080 })),
});
const managed = (name: string, facts: Partial<ManagedExposure> = {}): ManagedExposure => ({
  ...{ name, source: `Service shop/${name}`, ports: [port(80, "10.0.0.1")] },
  ...facts,
});
const roomy = { has: () => false, room: 1000 };
const mapOf = (...exposures: ManagedExposure[]) => selectManaged(exposures, roomy).offered;

describe("the selection of managed exposures", () => {
  it("leaves out names of the site's own offers and repeated ones, and what is beyond the room", () => {
    const [api, db, web] = [managed("api"), managed("db"), managed("web")];
    const again = managed("db", { source: "Deployment shop/db" });
    const { offered, leftOut } = selectManaged([api, db, again, web], {
      has: (name) => name === "api",
      room: 1,
    });
    expect([...offered.values()]).toEqual([db]);
    expect(leftOut.map(({ name, source, reason }) => [name, source, reason])).toEqual([
      ["api", "Service shop/api", "taken"],
      ["db", "Deployment shop/db", "repeated"],
      ["web", "Service shop/web", "full"],
    ]);
    expect(leftOut.map(({ message }) => message)).toEqual([
      'The configuration of the connector, or `fairlead expose`, already offers a service "api".',
      'Service shop/db is already offered as "db".',
      'The site offers as many services as it may, and "web" is one more.',
    ]);
  });

  it("leaves out what the network could not read, and says which field that is", () => {
    const createdAt = "2026-11-26T12:00:00Z";
    const details: ServiceExportDetails = {
      ...{ namespace: "shop", name: "api", type: "ClusterSetIP", ports: [], createdAt },
    };
    const wrong = [
      managed("Api"),
      managed("none", { ports: [] }),
      managed("twice", { ports: [port(80), port(80)] }),
      managed("long", { export: { ...details, annotations: { note: "x".repeat(8192) } } }),
      managed("when", { export: { ...details, createdAt: "yesterday" } }),
      managed("check", { health: ["nonsense"] }),
      managed("weight", { balance: { mode: "weighted", weight: -1 } }),
    ];
    const { offered, leftOut } = selectManaged(wrong, roomy);
    expect(offered.size).toBe(0);
    expect(leftOut.every(({ reason }) => reason === "invalid")).toBe(true);
    const messages = Object.fromEntries(leftOut.map(({ name, message }) => [name, message]));
    expect(messages.none).toBe('The service "none" cannot be offered: it has no port.');
    expect(messages.twice).toContain("it has a port twice");
    expect(messages.long).toContain("export: must have at most 8192 characters as JSON");
    expect(messages.when).toContain("export.createdAt");
    expect(messages.check).toContain("health.0");
    expect(messages.weight).toContain("weight");
  });

  it("leaves out the services whose details do not fit beside those of the others", () => {
    const long = Array.from({ length: 80 }, (_, at) => managed(`s${at}`, { export: longDetails(`s${at}`) }));
    const { offered, leftOut } = selectManaged([...long, managed("plain")], roomy);
    expect(offered.has("plain")).toBe(true);
    expect(offered.size + leftOut.length).toBe(81);
    expect(leftOut.length).toBeGreaterThan(10);
    expect(leftOut[0]).toMatchObject({
      reason: "full",
      message: expect.stringContaining("524288 characters"),
    });
  });
});

describe("the change between two selections", () => {
  it("is none for equal exposures, and of targets alone if nothing else differs", () => {
    const before = mapOf(managed("api"), managed("db"));
    expect(changeBetween(before, mapOf(managed("api"), managed("db")))).toBeNull();
    const moved = managed("db", { ports: [port(80, "10.0.0.2", "10.0.0.3")] });
    expect(changeBetween(before, mapOf(managed("api"), moved))).toBe("targets");
    expect(changeBetween(before, mapOf(managed("api"), managed("db", { ports: [port(80)] })))).toBe(
      "targets",
    );
  });

  it.each<[string, ManagedExposure]>([
    ["another port", managed("db", { ports: [port(81, "10.0.0.1")] })],
    ["another scope", managed("db", { to: ["east"] })],
    ["another balance", managed("db", { balance: { mode: "priority", rank: 1 } })],
    ["another pod", managed("db", { headless: { of: "dbs", host: "db-0" } })],
    [
      "other details",
      managed("db", {
        export: {
          ...{ namespace: "shop", name: "db", type: "Headless", ports: [] },
          createdAt: "2026-11-26T12:00:00Z",
        },
      }),
    ],
    ["another service", managed("dc")],
  ])("is of offers with %s", (_, after) => {
    expect(changeBetween(mapOf(managed("db")), mapOf(after))).toBe("offers");
    expect(changeBetween(mapOf(managed("db")), mapOf(managed("db"), managed("web")))).toBe("offers");
  });
});

import { describe, expect, it } from "vitest";
import { readCompose } from "../../support/run/compose.ts";

describe("examples/compose", () => {
  const { connector, app } = readCompose().services;

  it("has a grace period above the time of the drain", () => {
    const drain = connector.command[connector.command.indexOf("--drain") + 1] ?? "";
    expect(drain).toMatch(/^\d+s$/);
    expect(Number.parseInt(connector.stop_grace_period, 10)).toBeGreaterThan(Number.parseInt(drain, 10));
  });

  it("dials the port of the listener from the application", () => {
    const { hostname, port } = new URL(app.command.at(-1) ?? "");
    expect(hostname).toBe("connector");
    expect(connector.command).toContain(`api=0.0.0.0:${port}`);
  });
});

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { MachineConnectors } from "../../../../connector/targets/machine-connectors.ts";
import type { TargetAddress } from "../../../../connector/targets/target-address.ts";
import { eventually } from "../../../support/clock/eventually.ts";

const target = (port: number): TargetAddress => ({ address: "127.0.0.1", port, service: "api", site: null });

/** Connectors that find each other, and no other connector on this machine. */
function machine() {
  const prefix = `fairlead-test/${randomBytes(6).toString("hex")}/`;
  return (site: string, hops: Readonly<Record<string, number>> = {}) => {
    const one = new MachineConnectors({ site: () => site, prefix });
    one.onAsk(async (address, port) => hops[`${address}:${port}`] ?? null);
    onTestFinished(() => one.close());
    one.start();
    return { one, prefix };
  };
}

describe.runIf(process.platform === "linux")("MachineConnectors", () => {
  it("know each other's targets in any order of start, as they change, until a connector is gone", async () => {
    const start = machine();
    const { one: west } = start("west");
    await west.ready;
    west.announce([target(1)]);
    const { one: east } = start("east");
    await east.ready;
    expect(east.known()).toEqual([{ ...target(1), site: "west" }]);
    east.announce([target(2)]);
    await eventually("west knows", () => west.known().length === 1);
    expect(west.known()).toEqual([{ ...target(2), site: "east" }]);
    west.announce([]);
    await eventually("west has none any more", () => east.known().length === 0);
    east.close();
    await eventually("east is gone", () => west.known().length === 0);
  });

  it("answer how many streams are behind a connection that they dialled to the target where it arrived", async () => {
    const start = machine();
    const { one: west } = start("west", { "127.0.0.1:5555": 3 });
    const { one: east } = start("east");
    west.announce([target(7777)]);
    await eventually("east knows", () => east.isTarget("127.0.0.1", 7777));
    const arrived = { address: "127.0.0.1", port: 7777 };
    expect(await east.hopsOf("127.0.0.1", 5555, arrived)).toBe(3);
    expect(await east.hopsOf("127.0.0.1", 5556, arrived)).toBeNull();
    expect(await east.hopsOf("127.0.0.1", 5555, { ...arrived, port: 1 })).toBeNull();
  });

  it("survive a connector that has stopped listening while its name can still be read", async () => {
    const start = machine();
    const { one: west, prefix } = start("west");
    await west.ready;
    const name = `\0${prefix}gone`;
    const server = createServer();
    server.listen({ path: name });
    await once(server, "listening");
    // The accepted connection has its listener's name for as long as it is open.
    const accepted = once(server, "connection");
    const client = connect({ path: name });
    await accepted;
    server.close();
    onTestFinished(() => void client.destroy());
    const { one: east } = start("east");
    await east.ready;
    west.announce([target(1)]);
    await eventually("east knows west", () => east.known().length === 1);
  });

  it("ignore the nonsense of another program", async () => {
    const start = machine();
    const { one: west, prefix } = start("west");
    const { one: east } = start("east");
    await east.ready;
    const { readFileSync } = await import("node:fs");
    const name = readFileSync("/proc/net/unix", "latin1").match(new RegExp(`@(${prefix}\\S+)`))?.[1];
    const socket = connect({ path: `\0${name}` });
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.write('nonsense\n{"site":"x","targets":[["not",0,"no"]]}\n{"answer":99,"hops":1}\n');
    socket.write(Buffer.alloc(4 * 1024 * 1024, 65));
    await eventually("it is thrown out", () => socket.destroyed || socket.readableEnded);
    west.announce([target(1)]);
    await eventually("the others go on", () => east.known().length === 1);
  });
});

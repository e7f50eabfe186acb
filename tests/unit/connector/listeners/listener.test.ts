import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Listener, type ListenerOptions } from "../../../../connector/listeners/listener.ts";
import { silent } from "../../../../connector/log.ts";
import type { FairleadError } from "../../../../protocol/errors.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { freePort } from "../../../support/free-port.ts";
import { tcpClient } from "../../../support/traffic/sockets.ts";

async function listening(more: Partial<ListenerOptions>): Promise<Listener> {
  const listener = new Listener({
    ...{ service: "api", host: "127.0.0.1", port: await freePort(), log: silent },
    onClient: () => {},
    onRefused: (socket) => socket.resetAndDestroy(),
    onState: () => {},
    ...more,
  });
  onTestFinished(() => listener.close());
  await eventually("the listener listens", () => listener.state.state === "listening");
  return listener;
}

describe("Listener", () => {
  it("resets a client beyond its limit with listener.full, and takes clients again after another left", async () => {
    const taken: Socket[] = [];
    const refused: FairleadError[] = [];
    const { port } = await listening({
      maxClients: 1,
      onClient: (socket) => void taken.push(socket),
      onRefused: (socket, error) => {
        refused.push(error);
        socket.on("error", () => {}).resetAndDestroy();
      },
    });
    await tcpClient(port);
    await eventually("the client is taken", () => taken.length === 1);
    await expect((await tcpClient(port)).received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(refused.map(({ code, message }) => [code, message])).toEqual([
      ["listener.full", `The listener at 127.0.0.1:${port} has 1 clients, which is the most that it takes.`],
    ]);
    const [first] = taken;
    first?.on("error", () => {}).resetAndDestroy();
    await eventually("the first client left", () => first?.closed);
    await tcpClient(port);
    await eventually("the next client is taken", () => taken.length === 2);
    expect(refused).toHaveLength(1);
  });
});

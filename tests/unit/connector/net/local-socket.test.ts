import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { parseBind } from "../../../../connector/config/service-options.ts";
import { ListenerSet } from "../../../../connector/listeners/listener-set.ts";
import { silent } from "../../../../connector/log.ts";
import { dialTarget } from "../../../../connector/targets/dial-target.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { freePort } from "../../../support/free-port.ts";
import { temporaryState } from "../../../support/process/directories.ts";
import { kernelSocket } from "../../../support/traffic/kernel-sockets.ts";
import { tcpServer } from "../../../support/traffic/sockets.ts";

/** The connector's end of a connection to a target. */
async function target(keepAliveMs?: number | null): Promise<Socket> {
  const { port } = await tcpServer(() => {});
  const socket = await dialTarget({ host: "127.0.0.1", port }, { keepAliveMs });
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** The connector's end of a connection from a client. */
async function client(keepAliveMs?: number | null): Promise<Socket> {
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const listeners = await ListenerSet.load({
    ...{ state: await temporaryState(), bind: parseBind("127.0.0.1"), listen: [], log: silent, keepAliveMs },
    onClient: (_, socket) => resolve(socket),
    onUdp: () => {},
    onRefused: () => {},
    onChange: () => {},
  });
  const port = await freePort();
  listeners.set([
    { name: "api", port, protocol: "tcp", offers: [{ site: "s", siteName: "east", boot: "b" }] },
  ]);
  await eventually("it listens", () => listeners.reports()[0]?.state === "listening");
  const dialled = connect(port, "127.0.0.1");
  onTestFinished(() => {
    dialled.destroy();
    listeners.close();
  });
  return await promise;
}

/** The kernel's default idle time, 2 hours. */
async function usual(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  await once(socket, "connect");
  socket.setKeepAlive(true);
  return kernelSocket(socket).keepAliveMs ?? 0;
}

describe.runIf(process.platform === "linux")("the kernel's keepalive on a local connection", () => {
  it.each([
    ["to a target", target],
    ["of a client", client],
  ])("%s runs with 15 s unless told otherwise", async (_, make) => {
    const { keepAliveMs } = kernelSocket(await make());
    expect(keepAliveMs).toBeGreaterThan(0);
    expect(keepAliveMs).toBeLessThanOrEqual(15_100);
    expect(await usual()).toBeGreaterThan(15_100);
  });

  it.each([
    ["to a target", target],
    ["of a client", client],
  ])("%s has the time that the operator gives, or none", async (_, make) => {
    const long = kernelSocket(await make(600_000)).keepAliveMs;
    expect(long).toBeGreaterThan(300_000);
    expect(long).toBeLessThanOrEqual(600_100);
    expect(kernelSocket(await make(null)).keepAliveMs).toBeNull();
  });
});

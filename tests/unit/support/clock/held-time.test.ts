import { once } from "node:events";
import { expect, it } from "vitest";
import { eventually } from "../../../support/clock/eventually.ts";
import { holdTime } from "../../../support/clock/held-time.ts";
import { tcpClient, tcpServer } from "../../../support/traffic/sockets.ts";

it("time that is held passes only when the test lets it, while sockets and waiting for them go on", async () => {
  const pass = holdTime();
  const began = performance.now();
  let isOver = false;
  setTimeout(() => {
    isOver = true;
  }, 20);
  const { port } = await tcpServer((socket) => socket.end("served"));
  const client = await tcpClient(port);
  expect(await client.received).toBe("served");
  const wall = Date.now();
  await eventually("the wall clock goes on", () => Date.now() - wall > 50);
  expect([isOver, performance.now() - began]).toEqual([false, 0]);
  await pass(19);
  expect(isOver).toBe(false);
  await pass(1);
  expect([isOver, performance.now() - began]).toEqual([true, 20]);
  client.socket.destroy();
  await once(client.socket, "close");
});

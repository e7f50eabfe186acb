import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { dialTarget } from "../../../../connector/targets/dial-target.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { UNKNOWN_HOST } from "../../../support/dns/unknown-host.ts";
import { freePort } from "../../../support/free-port.ts";
import { countConnections, silentPort, tcpServer } from "../../../support/traffic/sockets.ts";

const code = (value: string) => expect.objectContaining({ code: value });

describe("dialTarget", () => {
  it("connects, with half-close", async () => {
    const { port } = await tcpServer((socket) => {
      void text(socket).then((all) => socket.end(`got ${all}`));
    });
    const socket = await dialTarget({ host: "127.0.0.1", port });
    socket.end("hello");
    expect(await text(socket)).toBe("got hello");
  });

  it("distinguishes refused, silent and unknown targets by their codes", async () => {
    const refused = { host: "127.0.0.1", port: await freePort() };
    await expect(dialTarget(refused)).rejects.toEqual(code("service.refused"));
    await expect(dialTarget({ host: UNKNOWN_HOST, port: 80 })).rejects.toEqual(code("service.unreachable"));
    const silent = { host: "127.0.0.1", port: await silentPort() };
    await expect(dialTarget(silent, { timeoutMs: 200 })).rejects.toEqual(code("service.timeout"));
  });

  it("leaves no socket behind when it is aborted, before and during the dial", async () => {
    const silent = { host: "127.0.0.1", port: await silentPort() };
    const connections = countConnections();
    const ended = new AbortController();
    const dials = Array.from({ length: 20 }, () => dialTarget(silent, { signal: ended.signal }));
    expect(connections()).toBe(20);
    ended.abort();
    for (const dial of dials) await expect(dial).rejects.toEqual(code("stream.cancelled"));
    await expect(dialTarget(silent, { signal: ended.signal })).rejects.toEqual(code("stream.cancelled"));
    await eventually("no dial is left", () => connections() === 0);
  });
});

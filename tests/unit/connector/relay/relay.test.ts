import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import type { FlowView } from "../../../../connector/relay/flow.ts";
import type { FlowObserver } from "../../../../connector/relay/observer.ts";
import { FairleadError } from "../../../../protocol/errors.ts";
import { eventually } from "../../../support/clock/eventually.ts";
import { MemoryLog } from "../../../support/connector/memory-log.ts";
import { relayStream, testRelay } from "../../../support/connector/test-relay.ts";
import { tcpClient, tcpServer } from "../../../support/traffic/sockets.ts";

/** A client's connection joined with a stream; `far` is the stream's other end. */
async function joined() {
  const log = new MemoryLog();
  const relay = testRelay(log);
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const { port } = await tcpServer(resolve);
  const client = await tcpClient(port);
  const local = await promise;
  const { stream, far } = relayStream();
  const flow = relay.start({ side: "listener", service: "api", client: "127.0.0.1:1" });
  flow.setStream(stream);
  const join = () => relay.join(local, stream, flow);
  const ended = async () => await eventually("the flow ends", () => flow.outcome);
  return { relay, log, client, local, stream, far, flow, join, ended };
}

describe("Relay", () => {
  it("counts the bytes both ways, and completes the flow when both directions have ended", async () => {
    const { client, far, flow, join, ended, relay, log, stream } = await joined();
    join();
    far.on("data", () => {});
    far.on("end", () => far.end("an answer"));
    client.socket.write("a ");
    client.socket.end("question");
    expect(await client.received).toBe("an answer");
    expect(await ended()).toBe("completed");
    expect(flow).toMatchObject({ bytesToTarget: 10, bytesToClient: 9 });
    expect(relay.flows).toBe(0);
    expect(log.lines).toMatchObject([
      {
        level: "debug",
        text: "The flow is completed.",
        fields: {
          ...{ network: "network-test", site: "site-test", session: stream.session, stream: stream.id },
          ...{ service: "api", client: "127.0.0.1:1", bytesToTarget: 10, bytesToClient: 9 },
          ...{ outcome: "completed", ms: expect.any(Number), firstByteMs: expect.any(Number) },
        },
      },
    ]);
  });

  it("resets the stream of a client that resets halfway, and counts the bytes that the client had sent", async () => {
    const { client, far, flow, join, ended, log } = await joined();
    join();
    client.socket.write("half");
    expect(String((await once(far, "data"))[0])).toBe("half");
    client.socket.resetAndDestroy();
    expect(await ended()).toBe("stream.cancelled");
    expect(far.readableEnded && !far.destroyed).toBe(false);
    expect(flow).toMatchObject({ bytesToTarget: 4, bytesToClient: 0 });
    expect(log.lines).toMatchObject([{ level: "info", fields: { code: "stream.cancelled" } }]);
  });

  it("resets the client of a stream that fails, and takes the stream's error as the outcome", async () => {
    const { client, far, stream, flow, join, ended } = await joined();
    join();
    far.write("some");
    await eventually("the client has it", () => client.socket.bytesRead === 4);
    stream.destroy(new FairleadError("session.revoked"));
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await ended()).toBe("session.revoked");
    expect(flow).toMatchObject({ bytesToTarget: 0, bytesToClient: 4 });
  });

  it("resets a client whose stream has ended before the join, and never opens the flow", async () => {
    const { client, stream, flow, join, ended } = await joined();
    stream.destroy(new FairleadError("session.lost"));
    join();
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(await ended()).toBe("session.lost");
    expect(flow.openedMs).toBeNull();
  });

  it("resets the stream of a client that left before the join", async () => {
    const { client, local, stream, join, ended } = await joined();
    local.on("error", () => {});
    client.socket.resetAndDestroy();
    await new Promise((resolve) => local.once("close", resolve));
    join();
    expect(await ended()).toBe("stream.cancelled");
    expect(stream.destroyed).toBe(true);
  });

  it("notifies observers when a flow starts, opens and ends, until they are removed", async () => {
    const { relay, client, far, join, ended } = await joined();
    const seen: [string, string, FlowView["outcome"]][] = [];
    const note = (event: string) => (flow: FlowView) => void seen.push([event, flow.service, flow.outcome]);
    const remove = relay.observe({
      flowStarted: note("started"),
      flowOpened: note("opened"),
      flowEnded: note("ended"),
    });
    join();
    far.resume().end();
    client.socket.end();
    await ended();
    const failing = relay.start({ side: "target", service: "db" });
    failing.end(new FairleadError("service.refused"));
    remove();
    relay.start({ side: "target", service: "later" }).end();
    expect(seen).toEqual([
      ["opened", "api", null],
      ["ended", "api", "completed"],
      ["started", "db", null],
      ["ended", "db", "service.refused"],
    ]);
  });

  it("carries on when an observer throws, and logs the error", () => {
    const log = new MemoryLog();
    const relay = testRelay(log);
    const flowEnded = vi.fn<NonNullable<FlowObserver["flowEnded"]>>();
    relay.observe({
      flowStarted: () => {
        throw new TypeError("a bug");
      },
    });
    relay.observe({ flowEnded });
    const flow = relay.start({ side: "target", service: "db" });
    flow.end();
    expect(flowEnded.mock.calls).toEqual([[flow]]);
    expect(log.lines[0]).toMatchObject({ level: "error", fields: { service: "db", event: "flowStarted" } });
    expect(log.lines[0]?.text).toContain("a bug");
  });

  it("counts the flows that have not ended", () => {
    const relay = testRelay();
    const [first, second] = [1, 2].map(() => relay.start({ side: "target", service: "db" }));
    expect(relay.flows).toBe(2);
    first?.end();
    first?.end();
    expect(relay.flows).toBe(1);
    second?.end(new FairleadError("service.refused"));
    expect(relay.flows).toBe(0);
  });

  it("logs a failure at info, and at debug when the client left unserved or the process lacks descriptors", () => {
    const log = new MemoryLog();
    const relay = testRelay(log);
    for (const code of ["service.refused", "stream.cancelled", "connector.descriptors"] as const) {
      relay.start({ side: "listener", service: "api" }).end(new FairleadError(code));
    }
    expect(log.lines.map(({ level, fields }) => [level, fields.outcome])).toEqual([
      ["info", "service.refused"],
      ["debug", "stream.cancelled"],
      ["debug", "connector.descriptors"],
    ]);
  });

  it("logs the failures of a service and a peer once at info, and then as a count", () => {
    const log = new MemoryLog();
    const relay = testRelay(log);
    const refuse = (siteName: string, service: string) => {
      const peer = { site: `site-${siteName}`, siteName, boot: "boot" };
      relay.start({ side: "target", service, peer }).end(new FairleadError("service.unknown"));
    };
    for (let n = 0; n < 100; n++) refuse("east", "db");
    refuse("east", "api");
    refuse("north", "db");
    relay.close();
    const lines = log.lines.filter(({ level }) => level === "info");
    const about = ({ peer, service, count }: Record<string, unknown>) => [peer, service, count];
    expect(lines.map(({ fields }) => about(fields))).toEqual([
      ["east", "db", undefined],
      ["east", "api", undefined],
      ["north", "db", undefined],
      ["east", "db", 99],
    ]);
    expect(lines.at(-1)).toMatchObject({
      text: "Further flows failed: 99.",
      fields: { network: "network-test", peerSite: "site-east", side: "target", code: "service.unknown" },
    });
  });
});

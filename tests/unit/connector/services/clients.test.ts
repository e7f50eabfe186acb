import { type Duplex, duplexPair } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { Clients, type Streams } from "../../../../connector/services/clients.ts";
import type { OpeningStream } from "../../../../connector/services/connect.ts";
import { CatalogueView } from "../../../../connector/services/view.ts";
import { joinStreams } from "../../../../connector/session/join.ts";
import { type ErrorCode, FairleadError } from "../../../../protocol/errors.ts";
import type { Instance } from "../../../../protocol/messages.ts";
import { eventually } from "../../../support/eventually.ts";
import { MemoryLog } from "../support/log.ts";
import { tcpClient, tcpServer } from "../support/sockets.ts";

const instance = (boot: string): Instance => ({ site: `s-${boot}`, siteName: "east", boot });
const api = (...boots: string[]) => [
  { name: "api", protocol: "tcp" as const, port: 80, offers: boots.map(instance) },
];

/** A stream that is accepted, refused with a code, or never answered; its peer sends back what it gets. */
function stream(fate: "accept" | "silence" | ErrorCode): OpeningStream {
  const [near, far] = duplexPair();
  far.pipe(far);
  const accepted =
    fate === "accept"
      ? Promise.resolve()
      : fate === "silence"
        ? new Promise<void>(() => {})
        : Promise.reject(new FairleadError(fate));
  return Object.assign(near, { accepted });
}

async function setUp(fates: Record<string, ("accept" | "silence" | ErrorCode)[]>, holdMs = 300) {
  const tried: string[] = [];
  const opened: Duplex[] = [];
  const log = new MemoryLog();
  const view = new CatalogueView(() => {});
  const streams: Streams = {
    open: async (_, peer) => {
      tried.push(peer.boot);
      const one = stream(fates[peer.boot]?.shift() ?? "accept");
      opened.push(one);
      return one;
    },
    streamsTo: () => null,
    join: joinStreams,
  };
  const clients = new Clients({ view, streams, log, holdMs });
  const { port } = await tcpServer((socket) => clients.serve("api", socket));
  onTestFinished(() => clients.close());
  return { view, clients, log, tried, opened, connect: () => tcpClient(port) };
}

async function echo(client: { socket: { end(text: string): unknown }; received: Promise<string> }) {
  client.socket.end("echo");
  return await client.received;
}

describe("a client of a listener", () => {
  it("gets a stream to an instance, with half-close", async () => {
    const { view, connect } = await setUp({});
    view.welcome(api("b1"));
    expect(await echo(await connect())).toBe("echo");
  });

  it("gets another instance when one fails before it accepts", async () => {
    const { view, connect, tried } = await setUp({ b1: ["service.refused"], b2: ["session.lost"] });
    view.welcome(api("b1", "b2", "b3"));
    expect(await echo(await connect())).toBe("echo");
    expect(tried).toEqual(["b1", "b2", "b3"]);
  });

  it("is not sent to an instance that failed a moment ago while there is another", async () => {
    const { view, connect, tried } = await setUp({ b1: ["session.peer_offline"] });
    view.welcome(api("b1", "b2"));
    await echo(await connect());
    await echo(await connect());
    expect(tried).toEqual(["b1", "b2", "b2"]);
  });

  it("is tried again with a fresh catalogue", async () => {
    const { view, connect, tried } = await setUp({ old: ["session.peer_offline"] }, 10_000);
    view.welcome(api("old"));
    const client = await connect();
    await eventually("the first try", () => tried.length === 1);
    view.change({ put: api("new"), gone: [] });
    expect(await echo(client)).toBe("echo");
    expect(tried).toEqual(["old", "new"]);
  });

  it("is held while nobody offers the service", async () => {
    const { view, connect } = await setUp({}, 10_000);
    view.welcome([]);
    const client = await connect();
    const answer = echo(client);
    await new Promise((resolve) => setTimeout(resolve, 100));
    view.change({ put: api("b1"), gone: [] });
    expect(await answer).toBe("echo");
  });

  it("is reset when nobody comes up in time, and the log says why", async () => {
    const { connect, log } = await setUp({}, 50);
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    await eventually("the log line", () => log.find("a client was reset"));
    expect(log.find("a client was reset")?.fields.code).toBe("service.unavailable");
  });

  it("is reset at once when every target refuses, whatever the time left", async () => {
    const { view, connect, log, tried } = await setUp({ b1: ["service.refused"] }, 10_000);
    view.welcome(api("b1"));
    await expect((await connect()).received).rejects.toMatchObject({ code: "ECONNRESET" });
    expect(tried).toEqual(["b1"]);
    await eventually("the log line", () => log.find("a client was reset")?.fields.code === "service.refused");
  });

  it("that leaves before it was served takes its stream along", async () => {
    const { view, connect, opened, log } = await setUp({ b1: ["silence"] }, 10_000);
    view.welcome(api("b1"));
    const client = await connect();
    await eventually("the stream", () => opened.length === 1);
    client.socket.resetAndDestroy();
    await eventually("its end", () => opened[0]?.destroyed);
    expect(log.lines.filter((line) => line.level === "warn")).toEqual([]);
  });

  it("that leaves halfway resets its stream, and a reset stream resets the client", async () => {
    const { view, connect, opened } = await setUp({});
    view.welcome(api("b1"));
    const leaver = await connect();
    leaver.socket.write("x");
    await eventually("the stream", () => opened.length === 1);
    leaver.socket.resetAndDestroy();
    await eventually("its end", () => opened[0]?.destroyed);
    const victim = await connect();
    victim.socket.write("x");
    await eventually("the stream", () => opened.length === 2);
    opened[1]?.destroy(new FairleadError("session.lost"));
    await expect(victim.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  it("is reset when the connector stops", async () => {
    const { clients, connect } = await setUp({}, 10_000);
    const client = await connect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    clients.close();
    await expect(client.received).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

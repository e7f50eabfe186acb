/** Services exposed at one site and reached at others, through real connectors and a real edge. */
import { once } from "node:events";
import { beforeAll, describe, expect, it } from "vitest";
import { listEvents } from "../../connector/operator/edge-api.ts";
import type { EventType } from "../../protocol/api/events.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import type { ManagedProcess } from "../support/process/managed-process.ts";
import { useEdge } from "../support/run/suite.ts";
import { bytesOf, dial, echo, exchange, fate, serve, sha256 } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let west: Connector;
let north: Connector;

/** Log level at which completed flows are logged. */
const DEBUG = ["--log-level", "debug"];

/** Services whose targets never answer, and which stay offered all the same. */
const ALWAYS_OFFERED = ["refusing", "nowhere", "silent"].flatMap((name) => ["--health", `${name}=off`]);

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 3 });
  [east, west, north] = await Promise.all([
    suite.cluster.connector({ site: "east", token, args: [...DEBUG, ...ALWAYS_OFFERED] }),
    suite.cluster.connector({ site: "west", token, bind: "127.2.0.0/16", args: DEBUG }),
    suite.cluster.connector({ site: "north", token, bind: "127.4.0.1" }),
  ]);
});

/** Exposes a server at east under a name. */
async function expose(name: string, at: string): Promise<void> {
  const { status, stderr } = await east.fairlead("expose", `${name}=${at}`);
  expect(status, stderr).toBe(0);
}

/**
 * Waits until west (the client's side) and east (the target's side) have each logged the end of a service's flow.
 * Checks that both lines describe the same stream. Returns both lines.
 */
async function flowsOf(service: string): Promise<{ west: Flow; east: Flow }> {
  const flowAt = (site: Connector) =>
    eventually(`${site.site} logs a flow of ${service}`, () => {
      const lines = site.log().filter((line) => line.service === service && line.outcome !== undefined);
      expect(lines.length).toBeLessThanOrEqual(1);
      return lines[0];
    });
  const flows = { west: await flowAt(west), east: await flowAt(east) };
  const shared = { session: expect.any(String), stream: expect.any(Number) };
  expect(flows.west).toMatchObject({ ...shared, network: network.id, side: "listener", peer: "east" });
  expect(flows.east).toMatchObject({ ...shared, network: network.id, side: "target", peer: "west" });
  expect(flows.west.client).toMatch(/^127\.0\.0\.1:\d+$/);
  expect([flows.east.session, flows.east.stream]).toEqual([flows.west.session, flows.west.stream]);
  expect([flows.west.peerSite, flows.east.peerSite]).toEqual([flows.east.site, flows.west.site]);
  return flows;
}

type Flow = Record<string, unknown>;

async function eventOf(type: EventType, text: string) {
  return await eventually(`an event ${type} about ${text}`, async () =>
    (await listEvents(suite.edge.client, network.id, { type })).find((event) => event.text.includes(text)),
  );
}

describe("An exposed service", () => {
  it("appears as a listener at every other site by itself", async () => {
    const server = await serve(echo);
    await expose("everywhere", server.at);
    for (const site of [west, north]) {
      const place = await site.listener("everywhere");
      expect(place.port).toBe(server.port);
      expect((await exchange(place, "hello")).toString()).toBe("hello");
    }
    expect((await eventOf("service.appeared", "everywhere")).site).toBe("east");
  });

  it("has no listener at its own site", async () => {
    const server = await serve(echo);
    await expose("own", server.at);
    await west.listener("own");
    expect((await east.status()).services.map(({ name }) => name)).not.toContain("own");
  });

  it("disappears everywhere after unexpose, and can come back", async () => {
    const server = await serve(echo);
    await expose("shortlived", server.at);
    const place = await west.listener("shortlived");
    expect((await east.fairlead("unexpose", "shortlived")).status).toBe(0);
    await Promise.all([west.without("shortlived"), north.without("shortlived")]);
    await expect(dial(place)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await eventOf("service.gone", "shortlived");
    await expose("shortlived", server.at);
    expect(await west.listener("shortlived")).toEqual(place);
  });

  it("stays as it is when its site exposes it twice", async () => {
    const server = await serve(echo);
    await expose("twice", server.at);
    const place = await west.listener("twice");
    await expose("twice", server.at);
    expect(await west.listener("twice")).toEqual(place);
  });

  it("is refused with service.unknown when a site withdraws it without offering it", async () => {
    const { json, status } = await east.fairlead("unexpose", "nothing", "--json");
    expect(json).toMatchObject({ error: { code: "service.unknown" } });
    expect(status).toBe(4);
  });
});

describe("A listener", () => {
  it("has its own address in the range of --bind, also after a restart", async () => {
    const servers = [await serve(echo), await serve(echo)];
    for (const [index, server] of servers.entries()) await expose(`ranged${index}`, server.at);
    const before = [await west.listener("ranged0"), await west.listener("ranged1")];
    for (const { host } of before) expect(host).toMatch(/^127\.2\.\d+\.\d+$/);
    expect(before[0]?.host).not.toBe(before[1]?.host);
    await west.restart();
    expect([await west.listener("ranged0"), await west.listener("ranged1")]).toEqual(before);
  });

  it("has the address that --listen gives", async () => {
    const server = await serve(echo);
    const free = await serve(echo, { host: "127.5.0.1" });
    await free.close();
    await north.restart({ listen: [`placed=127.5.0.1:${free.port}`] });
    await expose("placed", server.at);
    expect(await north.listener("placed")).toEqual({ host: "127.5.0.1", port: free.port });
    expect((await exchange({ host: "127.5.0.1", port: free.port }, "here")).toString()).toBe("here");
  });

  it("reports a taken port in status and as an event, and starts once the port is free", async () => {
    const holder = await serve(echo, { host: "127.5.0.2" });
    const server = await serve(echo);
    await north.restart({ listen: [`held=${holder.at}`] });
    await expose("held", server.at);
    await expose("unharmed", server.at);

    expect((await exchange(await north.listener("unharmed"), "fine")).toString()).toBe("fine");
    const failed = await eventOf("listener.failed", "held");
    expect(failed).toMatchObject({ site: "north", code: "listener.port_taken" });
    const line = (await north.status()).services.find(({ name }) => name === "held");
    expect(line?.listener).toMatchObject({
      address: holder.at,
      state: "failed",
      code: "listener.port_taken",
    });
    const seen = (await north.fairlead("status")).stdout.split("\n").find((each) => each.includes(holder.at));
    expect(seen).toContain("held");
    expect(seen).toContain("failed");
    const whole = await suite.edge.fairlead("status", "--network", network.name);
    expect(whole.stdout).toContain(`Site north cannot listen for held at ${holder.at}`);

    await holder.close();
    await north.listener("held");
    expect((await exchange(holder, "free")).toString()).toBe("free");
    await eventOf("listener.restored", "held");
  });
});

describe("A client", () => {
  it("is reset when the target refuses, and the log has service.refused", async () => {
    const server = await serve(echo);
    await server.close();
    await expose("refusing", server.at);
    expect(await fate(await west.listener("refusing"))).toBe("ECONNRESET");
    const flows = await flowsOf("refusing");
    for (const flow of Object.values(flows)) {
      expect(flow).toMatchObject({ level: "info", code: "service.refused", outcome: "service.refused" });
      expect(flow).toMatchObject({ bytesToTarget: 0, bytesToClient: 0, openedMs: null });
    }
    expect(flows.east.target).toBe(server.at);
  });

  it("is logged at both sites with its bytes and outcome when it completes and when it resets", async () => {
    const answer = bytesOf("an answer", 300_000);
    const server = await serve((socket) => {
      // The end of the request brings the end of the answer.
      socket.once("data", () => socket.write(answer));
      socket.on("end", () => socket.end("bye"));
    });
    await expose("completing", server.at);
    await expose("resetting", server.at);
    const hear = async (service: string) => {
      const client = await dial(await west.listener(service));
      let heard = 0;
      client.on("data", (chunk: Buffer) => {
        heard += chunk.length;
      });
      client.write("a question");
      await eventually("the client has the answer", () => heard === answer.length);
      return client;
    };

    const completing = await hear("completing");
    completing.end(" and its rest");
    await once(completing, "close");
    for (const flow of Object.values(await flowsOf("completing"))) {
      expect(flow).toMatchObject({ level: "debug", outcome: "completed" });
      expect(flow).toMatchObject({ bytesToTarget: 23, bytesToClient: answer.length + 3 });
    }

    const resetting = await hear("resetting");
    resetting.resetAndDestroy();
    for (const flow of Object.values(await flowsOf("resetting"))) {
      expect(flow).toMatchObject({ level: "info", outcome: "stream.cancelled" });
      expect(flow).toMatchObject({ bytesToTarget: 10, bytesToClient: answer.length });
    }
  });

  it("is reset when the target cannot be reached, and the log has service.unreachable", async () => {
    // No TCP connection leads to the broadcast address, whatever the machine's network.
    await expose("nowhere", "255.255.255.255:47808");
    expect(await fate(await west.listener("nowhere"))).toBe("ECONNRESET");
    await west.logged({ service: "nowhere", code: "service.unreachable" });
  });

  it("is reset when the target never answers, and the log has service.timeout", async () => {
    const silent = await startSilentServer();
    const port = await silent.output("its port", ({ stdout }) => Number(stdout) || null);
    const target = { host: "127.3.0.9", port };
    // The kernel answers for the program until its accept queue is full.
    const queue = await Promise.allSettled([1, 2, 3].map(() => withDeadline(dial(target), 1000)));
    expect(queue.at(-1)?.status).toBe("rejected");
    await expose("silent", `${target.host}:${port}`);
    expect(await fate(await west.listener("silent"))).toBe("ECONNRESET");
    await west.logged({ service: "silent", code: "service.timeout" });
    for (const each of queue) if (each.status === "fulfilled") each.value.destroy();
  });

  it("ends its target connection when it disconnects in between, and no other connection", async () => {
    const flood = Buffer.alloc(64 * 1024);
    const server = await serve((socket) => {
      const pour = () => {
        while (!socket.destroyed && socket.write(flood));
      };
      socket.on("drain", pour);
      pour();
    });
    const other = await serve(echo);
    await expose("flood", server.at);
    await expose("other", other.at);
    const bystander = await dial(await west.listener("other"));

    const client = await dial(await west.listener("flood"));
    await once(client, "readable");
    // The connector's check of the target was a connection too.
    await eventually("the client is the only one", () => server.sockets.size === 1);
    client.destroy();
    await eventually("the target loses its client", () => server.sockets.size === 0);

    bystander.write("still here");
    const [answer] = (await once(bystander, "data")) as [Buffer];
    expect(answer.toString()).toBe("still here");
    bystander.destroy();
  });

  it("gets the whole answer after it has ended its half", async () => {
    const answer = bytesOf("answer", 3 * 1024 * 1024);
    const question = bytesOf("question", 1024 * 1024);
    const server = await serve((socket) => {
      const chunks: Buffer[] = [];
      socket.on("data", (chunk: Buffer) => chunks.push(chunk));
      // The server answers at the end of the request.
      socket.on("end", () => socket.end(Buffer.concat([Buffer.from(sha256(Buffer.concat(chunks))), answer])));
    });
    await expose("halves", server.at);
    const got = await exchange(await west.listener("halves"), question);
    expect(got.subarray(0, 64).toString()).toBe(sha256(question));
    expect(sha256(got.subarray(64))).toBe(sha256(answer));
  });

  it("sees the target's end, and can still send", async () => {
    const { promise: rest, resolve } = Promise.withResolvers<string>();
    const server = await serve((socket) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      socket.on("end", () => resolve(text));
      socket.end("no more from here");
    });
    await expose("listener-only", server.at);
    const client = await dial(await west.listener("listener-only"));
    client.resume();
    await once(client, "end");
    client.end("said afterwards");
    expect(await rest).toBe("said afterwards");
  });
});

/** Starts a program that listens with a backlog of one and never accepts. */
async function startSilentServer(): Promise<ManagedProcess> {
  const program = `
    const server = require("node:net").createServer();
    server.listen({ host: "127.3.0.9", port: 0, backlog: 1 }, () => {
      require("node:fs").writeSync(1, server.address().port + "\\n");
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    });`;
  return suite.cluster.spawn({ name: "silent server", command: process.execPath, args: ["-e", program] });
}

async function withDeadline<T>(work: Promise<T>, ms: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("The work did not end in time.")), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

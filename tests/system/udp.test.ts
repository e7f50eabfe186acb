/** Services over UDP, with real connectors and a real edge. */
import { createSocket, type Socket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { once } from "node:events";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dnsServer } from "../support/traffic/dns-server.ts";
import { exchange, type Place, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let west: Connector;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 2 });
  const site = (name: string, bind: string) => suite.cluster.connector({ site: name, token, bind });
  [east, west] = await Promise.all([site("east", "127.97.1.1"), site("west", "127.97.1.2")]);
});

async function udpSocket(): Promise<Socket> {
  const socket = createSocket("udp4");
  onTestFinished(() => void socket.close());
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return socket;
}

async function echoServer(prefix = ""): Promise<string> {
  const socket = await udpSocket();
  socket.on("message", (payload, from) => {
    socket.send(Buffer.concat([Buffer.from(prefix), payload]), from.port, from.address);
  });
  return `127.0.0.1:${socket.address().port}`;
}

/** Sends a datagram, again and again, until an answer is one of those that are wanted. An earlier answer may be late. */
async function ask(
  socket: Socket,
  to: Place,
  payload: Buffer,
  isWanted: (answer: Buffer) => boolean,
): Promise<Buffer> {
  const answers: Buffer[] = [];
  const keep = (answer: Buffer) => answers.push(answer);
  socket.on("message", keep);
  try {
    return await eventually(
      "an answer",
      () => {
        socket.send(payload, to.port, to.host);
        return answers.find(isWanted);
      },
      { every: 200 },
    );
  } finally {
    socket.off("message", keep);
  }
}

/** As {@link ask}, for a text that the answer must be. */
const answers = async (socket: Socket, to: Place, text: string, answer: string) =>
  void (await ask(socket, to, Buffer.from(text), (bytes) => bytes.toString() === answer));

async function expose(site: Connector, service: string): Promise<void> {
  const { status, stderr } = await site.fairlead("expose", service);
  expect(status, stderr).toBe(0);
}

describe("A UDP service", () => {
  it("echoes datagrams of every length to another site, each client its own", async () => {
    await expose(east, `echo=${await echoServer()}/udp`);
    const at = await west.listener("echo");
    const [one, two] = [await udpSocket(), await udpSocket()];
    for (const length of [1, 512, 1472, 65_507]) {
      const payload = Buffer.alloc(length, length);
      await ask(one, at, payload, (answer) => answer.equals(payload));
    }
    await answers(two, at, "two", "two");
    const { stdout } = await west.fairlead("service", "status");
    expect(stdout).toMatch(new RegExp(`${at.host}:${at.port} +listening +udp +east`));
  });

  it("resolves names with a DNS server of another site", async () => {
    const server = await dnsServer({ "A db.corp.example": ["10.1.2.3"] });
    await expose(east, `dns=${server.at}/udp`);
    const at = await west.listener("dns");
    const resolver = new Resolver({ timeout: 2000, tries: 5 });
    resolver.setServers([`${at.host}:${at.port}`]);
    expect(await resolver.resolve4("db.corp.example")).toEqual(["10.1.2.3"]);
    await expect(resolver.resolve4("none.corp.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("is one port of a service beside another for TCP", async () => {
    const tcp = await serve((socket) => void socket.end("tcp"));
    await expose(east, `both:5300=${await echoServer("udp ")}/udp,5301=${tcp.at}`);
    const [udpAt, tcpAt] = [await west.listenerAt("both", 5300), await west.listenerAt("both", 5301)];
    await answers(await udpSocket(), udpAt, "a", "udp a");
    expect((await exchange(tcpAt, "ask")).toString()).toBe("tcp");
  });

  it("goes on at another site when the site of a client's flow withdraws it", async () => {
    await expose(east, `moved:5400=${await echoServer("east ")}/udp`);
    const at = await west.listener("moved");
    const client = await udpSocket();
    await answers(client, at, "a", "east a");
    const north = await suite.cluster.connector({ site: "north", token: await network.token() });
    await expose(north, `moved:5400=${await echoServer("north ")}/udp`);
    await east.process.stop();
    await answers(client, at, "b", "north b");
  });
});

/** Targets that go down and come back, through real connectors and a real edge. */
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type Credential,
  makeDeploymentAuthority,
  makeServerCertificate,
} from "../../connector/edge/credentials/certificates.ts";
import { listEvents } from "../../connector/operator/edge-api.ts";
import type { EventType } from "../../protocol/api/events.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { exchange, fate, type Place, serve, type TestServer } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let north: Connector;
let west: Connector;
const closing: (() => void)[] = [];

/** Checks every second. `web` and `safe` are asked for a path, and `cart` over gRPC. */
const CHECKS = ["web=http:/up,interval=1s", "cart=grpc:shop.Cart,interval=1s", "safe=http:/up,interval=1s"];

/** The CA of the target of `safe`, and another one. */
let authority: Credential;
let stranger: Credential;

beforeAll(async () => {
  authority = await makeDeploymentAuthority(Date.now());
  stranger = await makeDeploymentAuthority(Date.now());
  const directory = await mkdtemp(join(tmpdir(), "fl-"));
  closing.push(() => rmSync(directory, { recursive: true, force: true }));
  await writeFile(join(directory, "ca.pem"), authority.certificate);
  const args = [
    ...CHECKS.flatMap((each) => ["--health", each]),
    ...["--target-tls", `safe=ca=${join(directory, "ca.pem")},name=safe.internal`],
  ];
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 3 });
  [east, north, west] = await Promise.all([
    suite.cluster.connector({ site: "east", token, bind: "127.91.1.0/24", args }),
    suite.cluster.connector({ site: "north", token, bind: "127.91.2.0/24" }),
    suite.cluster.connector({ site: "west", token, bind: "127.91.3.0/24" }),
  ]);
});
afterAll(() => {
  for (const close of closing) close();
});

/** A server that answers every client with a text. */
const answering = (text: string, at: Partial<Place> = {}): Promise<TestServer> =>
  serve((socket) => void socket.resume().end(text), at);

async function expose(site: Connector, service: string): Promise<void> {
  const { status, stderr } = await site.fairlead("expose", service);
  expect(status, stderr).toBe(0);
}

async function eventOf(type: EventType, site: string, service: string) {
  return await eventually(`${type} of ${service} at ${site}`, async () => {
    const events = await listEvents(suite.edge.client, network.id, { type });
    return events.find((event) => event.site === site && event.text.includes(`service ${service} `));
  });
}

/** The health of the first port of a service, as its site has it. */
async function healthOf(site: Connector, service: string) {
  const { offers } = await site.control.services();
  return offers.find(({ name }) => name === service)?.ports?.[0]?.health;
}

/** Connects clients one after another until it is stopped, and keeps what each was answered. */
function clients(place: Place) {
  const answers: string[] = [];
  const failures: unknown[] = [];
  let isOver = false;
  /** What the next client waits for. */
  let turn: Promise<unknown> = Promise.resolve();
  const done = (async () => {
    while (!isOver) {
      await turn;
      try {
        answers.push((await exchange(place, "ask")).toString());
      } catch (error) {
        failures.push(error);
      }
    }
  })();
  return {
    answers,
    failures,
    /** Closes a server between two clients: a connection that is open is lost with its server. */
    async close(server: TestServer): Promise<void> {
      const count = answers.length + failures.length;
      const resumed = Promise.withResolvers<void>();
      turn = resumed.promise;
      // A client may have begun before this.
      await eventually("the last client ends", () => answers.length + failures.length > count);
      await eventually("its connection ends", () => server.sockets.size === 0);
      await server.close();
      resumed.resolve();
    },
    /** Waits until a client was answered so, after the clients that have been answered so far. */
    async hear(text: string): Promise<void> {
      const from = answers.length;
      await eventually(`a client hears ${text}`, () => answers.slice(from).includes(text));
    },
    async stop(): Promise<void> {
      isOver = true;
      await done;
    },
  };
}

describe("A tcp service of two sites", () => {
  it("is used at the other site without a failure when the target of one is gone, and at both once it is back", async () => {
    const [first, second] = [await answering("east"), await answering("north")];
    await expose(east, `api:8080=${first.at}`);
    await expose(north, `api:8080=${second.at}`);
    const place = await west.listener("api");
    await eventually("west knows both", async () => {
      return (await west.control.services()).services.some(
        ({ name, sites }) => name === "api" && sites.length === 2,
      );
    });
    const running = clients(place);
    await running.hear("east");
    await running.hear("north");

    await running.close(first);
    const event = await eventOf("service.unhealthy", "east", "api");
    expect(event).toMatchObject({ code: "service.refused", actor: "east" });
    expect(event.text).not.toContain(first.at);
    const health = await healthOf(east, "api");
    expect(health).toMatchObject({
      state: "down",
      withdrawn: true,
      targets: [{ target: first.at, state: "down", code: "service.refused" }],
    });
    const { stdout } = await east.fairlead("service", "status");
    expect(stdout).toContain(`The target ${first.at} of api is down since`);
    expect(stdout).toContain(`do: Start the server at ${first.at}`);
    expect((await suite.edge.fairlead("service", "list", "--network", network.id)).stdout).toMatch(
      /^api +tcp +8080 +east \(targets down\), north +1 of 2 up /m,
    );
    const before = running.answers.length;
    await running.hear("north");
    await running.hear("north");
    expect(new Set(running.answers.slice(before))).toEqual(new Set(["north"]));

    const again = await answering("east", first);
    await eventOf("service.healthy", "east", "api");
    await running.hear("east");
    expect(await healthOf(east, "api")).toMatchObject({ state: "up", targets: [{ target: again.at }] });
    await running.stop();
    expect(running.failures).toEqual([]);
  });
});

describe("A tcp service of one site", () => {
  it("has no listener elsewhere while its only target is gone, and keeps its port", async () => {
    const server = await answering("alone");
    await expose(east, `alone=${server.at}`);
    const place = await west.listener("alone");
    expect((await exchange(place, "ask")).toString()).toBe("alone");
    await server.close();
    // The first clients find out.
    expect(await fate(place)).toBe("ECONNRESET");
    await eventually("the listener is closed", async () => (await fate(place)) === "ECONNREFUSED");
    await answering("alone", server);
    await eventually("it is back", async () => {
      return (await exchange(place, "ask").catch(() => Buffer.of())).toString() === "alone";
    });
    expect((await listEvents(suite.edge.client, network.id, { type: "service.gone" })).length).toBe(0);
  });
});

describe("A service with a health check", () => {
  it("is withdrawn while its target answers the check with an error", async () => {
    let status = 200;
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/up" ? status : 200).end("page");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    closing.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await expose(east, `web=127.0.0.1:${port}/http`);
    const place = await west.listener("web");
    expect(await (await fetch(`http://${place.host}:${place.port}/`)).text()).toBe("page");
    status = 503;
    expect(await eventOf("service.unhealthy", "east", "web")).toMatchObject({ code: "service.check_failed" });
    // The listener stays, and says what is wrong.
    const refused = await eventually("the client is answered by the connector", async () => {
      const answer = await fetch(`http://${place.host}:${place.port}/`);
      return answer.status === 503 && answer;
    });
    expect(await refused.text()).toContain("service.unhealthy");
    expect((await west.fairlead("service", "status")).stdout).toMatch(
      /^web .* listening +http +east \(targets down\) +service\.unhealthy$/m,
    );
    const [target] = (await healthOf(east, "web"))?.targets ?? [];
    expect(target?.message).toBe(`The target 127.0.0.1:${port} answered GET /up with status 503.`);
    status = 204;
    await eventOf("service.healthy", "east", "web");
    await eventually("clients reach the target again", async () => {
      return (await fetch(`http://${place.host}:${place.port}/`)).status === 200;
    });
    expect(await west.listener("web")).toEqual(place);
  });

  it("is withdrawn while the certificate of its target is wrong, and says so", async () => {
    const identity = async (by: Credential) => {
      const wanted = { names: ["safe.internal"], authority: by, now: Date.now(), lifetime: 3_600_000 };
      const { certificate: cert, privateKey: key } = await makeServerCertificate(wanted);
      return { cert, key };
    };
    const server = createHttpsServer(await identity(authority), (_, response) => void response.end("page"));
    server.on("tlsClientError", () => {});
    await once(server.listen(0, "127.0.0.1"), "listening");
    closing.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await expose(east, `safe=127.0.0.1:${port}/http`);
    const place = await west.listener("safe");
    const ask = async () => await fetch(`http://${place.host}:${place.port}/`);
    expect(await (await ask()).text()).toBe("page");
    server.setSecureContext(await identity(stranger));
    expect(await eventOf("service.unhealthy", "east", "safe")).toMatchObject({ code: "service.tls_failed" });
    const { stdout } = await east.fairlead("service", "status");
    expect(stdout).toContain("no CA that is trusted signed its certificate");
    expect(stdout).toContain("do: Compare the target's certificate with --target-tls");
    server.setSecureContext(await identity(authority));
    await eventOf("service.healthy", "east", "safe");
    await eventually("clients reach the target again", async () => (await ask()).status === 200);
  });

  it("is withdrawn while its gRPC server says that it does not serve", async () => {
    let serving = 1;
    const server = createHttp2Server().listen(0, "127.0.0.1");
    server.on("stream", (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, serving]));
    });
    await once(server, "listening");
    closing.push(() => void server.close());
    const { port } = server.address() as AddressInfo;
    await expose(east, `cart=127.0.0.1:${port}/grpc`);
    await west.listener("cart");
    serving = 2;
    await eventOf("service.unhealthy", "east", "cart");
    const [target] = (await healthOf(east, "cart"))?.targets ?? [];
    expect(target?.message).toBe(`The target 127.0.0.1:${port} reports NOT_SERVING for shop.Cart.`);
    serving = 1;
    await eventOf("service.healthy", "east", "cart");
    await west.listener("cart");
  });
});

describe("A service with several targets in one site", () => {
  it("is served by the targets that are up, and stays", async () => {
    const [one, two] = [await answering("one"), await answering("two")];
    await expose(east, `pair=${one.at},${two.at}`);
    const place = await west.listener("pair");
    const running = clients(place);
    await running.hear("one");
    await running.hear("two");
    await running.close(one);
    await eventually("one is down", async () => {
      const health = await healthOf(east, "pair");
      return health?.state === "up" && health.targets.some(({ state }) => state === "down");
    });
    const { stdout } = await east.fairlead("service", "status");
    expect(stdout).toMatch(/^pair .* 1 of 2 up/m);
    await answering("one", one);
    await running.hear("one");
    await running.stop();
    expect(running.failures).toEqual([]);
    const events = await listEvents(suite.edge.client, network.id, { type: "service.unhealthy" });
    expect(events.filter(({ text }) => text.includes("pair"))).toEqual([]);
  });
});

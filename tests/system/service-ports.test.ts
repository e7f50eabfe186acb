/** The port of a service, and moves of its target, with real connectors and a real edge. */
import type { Socket } from "node:net";
import { beforeAll, describe, expect, it } from "vitest";
import { listEvents, listServices } from "../../connector/operator/edge-api.ts";
import { freePort } from "../support/free-port.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { dial, echo, exchange, type Place, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let deadPort: number;
let east: Connector;
let north: Connector;
let west: Connector;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 3 });
  deadPort = await freePort();
  const site = (name: string, bind: string, expose: string[] = []) =>
    suite.cluster.connector({ site: name, token, bind, expose });
  [east, north, west] = await Promise.all([
    site("east", "127.96.0.1", [`silent=${deadPort}`]),
    site("north", "127.96.0.2"),
    site("west", "127.96.0.3"),
  ]);
});

/** A server that answers every client with a text. */
const answering = (text: string) => serve((socket) => void socket.end(text));

const answerAt = async (place: Place) => (await exchange(place, "ask")).toString();

async function expose(site: Connector, service: string) {
  const { status, stderr, json } = await site.fairlead("expose", service, "--json");
  expect(status, stderr).toBe(0);
  return json;
}

const offerOf = async (site: Connector, service: string) =>
  (await site.control.services()).offers.find(({ name }) => name === service);

const eventTexts = async (type: "service.contested" | "service.refused" | "service.gone") =>
  (await listEvents(suite.edge.client, network.id, { type })).map(({ text }) => text);

/** Lines of a site's log that say that its listener for a service has closed. */
const closings = (site: Connector, service: string) =>
  site.log().filter((line) => line.service === service && line.msg === "The listener is closed.");

describe("A service that two sites offer with different target ports", () => {
  it("has the port of the first at every site, also after the first has withdrawn it", async () => {
    const [first, second] = [await answering("first"), await answering("second")];
    await expose(east, `web=${first.at}`);
    const place = await west.listener("web");
    expect(place.port).toBe(first.port);
    await expose(north, `web=${second.at}`);
    await eventually("north knows the port", async () => {
      return (await offerOf(north, "web"))?.networkPort === first.port;
    });
    await eventually("the event", async () =>
      (await eventTexts("service.contested")).some((text) => text.includes(`keeps its port ${first.port}`)),
    );
    expect(await east.listener("web")).toMatchObject({ port: first.port });
    expect((await east.fairlead("unexpose", "web")).status).toBe(0);
    await eventually("north answers at west", async () => (await answerAt(place)) === "second");
    expect(await west.listener("web")).toEqual(place);
    expect(closings(west, "web")).toEqual([]);
    const services = await listServices(suite.edge.client, network.id);
    expect(services.find(({ name }) => name === "web")).toMatchObject({ port: first.port });
  });

  it("is refused where a site asks for another port, and changes nothing for others", async () => {
    const [first, second] = [await answering("first"), await answering("second")];
    await expose(east, `shop:8080=${first.at}`);
    const place = await west.listener("shop");
    expect(place.port).toBe(8080);
    await expose(north, `shop:9090=${second.at}`);
    const why = "Service shop has port 8080 in this network, and this site asks for port 9090.";
    await eventually("north knows the refusal", async () => {
      return (await offerOf(north, "shop"))?.refused?.code === "service.port_conflict";
    });
    const { stdout } = await north.fairlead("service", "status");
    expect(stdout).toContain(`The network refused the offer of shop: ${why}`);
    await north.logged({
      ...{ service: "shop", code: "service.port_conflict" },
      msg: `The network refuses the offer: ${why}`,
    });
    const text =
      "Service shop of site north is refused: it asks for port 9090, and site east offers the service at port 8080.";
    expect(await eventTexts("service.refused")).toEqual([text]);
    expect(await answerAt(place)).toBe("first");
    expect(closings(west, "shop")).toEqual([]);
    // Without the other offer, the refused one sets the port.
    expect((await east.fairlead("unexpose", "shop")).status).toBe(0);
    await eventually("the new port", async () => (await west.listener("shop")).port === 9090);
    expect(await answerAt(await west.listener("shop"))).toBe("second");
  });
});

describe("A service that moves to another target", () => {
  /** Opens connections to a place, one after another in each of four lines, until it is stopped. */
  class Callers {
    readonly answers: string[] = [];
    readonly failures: unknown[] = [];
    /** Answers on connections that were opened since the last call of {@link further}. */
    #since: string[] = [];
    #isStopped = false;
    readonly #lines: Promise<void>[];

    constructor(place: Place) {
      this.#lines = Array.from({ length: 4 }, async () => {
        while (!this.#isStopped) {
          const since = this.#since;
          await answerAt(place).then(
            (answer) => {
              this.answers.push(answer);
              since.push(answer);
            },
            (error: unknown) => this.failures.push(error),
          );
        }
      });
    }

    /** Waits for some answers on connections that are opened after this call. Returns them. */
    async further(count: number): Promise<string[]> {
      const since: string[] = [];
      this.#since = since;
      await eventually(`${count} answers`, () => since.length >= count);
      return since;
    }

    async stop(): Promise<void> {
      this.#isStopped = true;
      await Promise.all(this.#lines);
    }
  }

  async function echoes(socket: Socket, text: string): Promise<void> {
    const received = new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
    socket.write(text);
    expect(await received).toBe(text);
  }

  it("fails no connection, keeps open streams, and is never withdrawn", async () => {
    const gone = await eventTexts("service.gone");
    const [former, next] = [await answering("former"), await answering("next")];
    const stream = await serve(echo);
    await expose(east, `steady=${stream.at}`);
    await expose(east, `mover=${former.at}`);
    const open = await dial(await west.listener("steady"));
    await echoes(open, "before");
    const place = await west.listener("mover");
    const callers = new Callers(place);
    await callers.further(20);
    const moved = await expose(east, `mover=${next.at}`);
    expect(moved).toMatchObject({
      ...{ name: "mover", port: next.port, protocol: "tcp", networkPort: former.port },
      movedFrom: { host: former.host, port: former.port },
    });
    expect(await callers.further(30)).not.toContain("former");
    await expose(east, `steady=${next.at}`);
    await echoes(open, "after");
    open.destroy();
    await callers.stop();
    expect(callers.failures).toEqual([]);
    expect(new Set(callers.answers)).toEqual(new Set(["former", "next"]));
    expect(await west.listener("mover")).toEqual(place);
    expect(closings(west, "mover")).toEqual([]);
    expect(await eventTexts("service.gone")).toEqual(gone);
  });
});

describe("A target without a server", () => {
  it("is reported by expose with status 0, and is offered once a server answers", async () => {
    const port = await freePort();
    const answer = await expose(east, `dead=127.0.0.1:${port}`);
    const warning = { code: "service.refused", action: expect.stringContaining(`127.0.0.1:${port}`) };
    expect(answer).toMatchObject({ name: "dead", warning });
    await eventually("no listener is left for the service", async () => {
      const { services } = await west.control.services();
      return services.find(({ name }) => name === "dead")?.listener === null;
    });
    const { stdout, status } = await east.fairlead("expose", `dead=127.0.0.1:${port}`);
    expect(status).toBe(0);
    expect(stdout).toContain("No server answers at the target");
    const server = await answering("alive");
    expect(await expose(east, `dead=${server.at}`)).not.toHaveProperty("warning");
    const place = await west.listener("dead");
    expect(await answerAt(place)).toBe("alive");
  });

  it("is in the log of a connector that starts with it", async () => {
    await east.logged({ service: "silent", target: `127.0.0.1:${deadPort}`, code: "service.refused" });
  });
});

/** Services with several ports and several targets, with real connectors and a real edge. */
import { beforeAll, describe, expect, it } from "vitest";
import { listServices } from "../../connector/operator/edge-api.ts";
import { freePort } from "../support/free-port.ts";
import { type Connector, eventually, type TestNetwork } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { exchange, type Place, serve } from "../support/traffic/servers.ts";

const suite = useEdge();
let network: TestNetwork;
let east: Connector;
let north: Connector;
let west: Connector;

beforeAll(async () => {
  network = await suite.cluster.network(suite.edge);
  const token = await network.token({ uses: 3 });
  const site = (name: string, bind: string) => suite.cluster.connector({ site: name, token, bind });
  [east, north, west] = await Promise.all([
    site("east", "127.97.0.1"),
    site("north", "127.97.0.2"),
    site("west", "127.98.0.0/24"),
  ]);
});

const answering = (text: string) => serve((socket) => void socket.end(text));

const answerAt = async (place: Place) => (await exchange(place, "ask")).toString();

async function expose(site: Connector, service: string) {
  const { status, stderr, stdout } = await site.fairlead("expose", service);
  expect(status, stderr).toBe(0);
  return stdout;
}

describe("A service with several ports", () => {
  it("is reached at each of them, at one address, by way of the sites that offer them", async () => {
    const [web, admin, other] = [await answering("web"), await answering("admin"), await answering("other")];
    const [first, second] = [await freePort(), await freePort()];
    const text = await expose(east, `shop:${first}=${web.at},${second}=${admin.at}`);
    expect(text).toContain(`  port ${second} from ${admin.at} (tcp)`);
    const [at, besides] = [await west.listenerAt("shop", first), await west.listenerAt("shop", second)];
    expect([at.port, besides.port]).toEqual([first, second]);
    expect(at.host).toBe(besides.host);
    expect([await answerAt(at), await answerAt(besides)]).toEqual(["web", "admin"]);

    // North offers a part of it, and east comes to offer the other part alone.
    await expose(north, `shop:${second}=${other.at}`);
    await expose(east, `shop:${first}=${web.at}`);
    await eventually("north serves the second port", async () => (await answerAt(besides)) === "other");
    expect(await answerAt(at)).toBe("web");
    await eventually("the edge has each port of its site", async () => {
      expect(await listServices(suite.edge.client, network.id)).toMatchObject([
        {
          ...{ name: "shop", port: first, protocol: "tcp" },
          ports: [
            { port: first, protocol: "tcp" },
            { port: second, protocol: "tcp" },
          ],
          sites: [
            { name: "north", ports: [second] },
            { name: "east", ports: [first] },
          ],
        },
      ]);
      return true;
    });
    await eventually("west has each port of its site", async () => {
      const { stdout } = await west.fairlead("service", "status");
      expect(stdout).toMatch(new RegExp(`${at.host}:${first} +listening +tcp +east`));
      expect(stdout).toMatch(new RegExp(`${at.host}:${second} +listening +tcp +north`));
      return true;
    });

    // A site that shares no port is refused, and a port that no site offers any more is gone.
    expect((await east.fairlead("unexpose", "shop")).status).toBe(0);
    await eventually("one port is left", async () => (await west.listener("shop")).port === second);
    expect(await answerAt(besides)).toBe("other");
    await expose(east, `shop:${first}=${web.at}`);
    await eventually("east knows the refusal", async () => {
      const { offers } = await east.control.services();
      return offers.find(({ name }) => name === "shop")?.refused?.code === "service.port_conflict";
    });
    expect((await north.fairlead("unexpose", "shop")).status).toBe(0);
    await eventually("east is accepted", async () => (await west.listener("shop")).port === first);
  });
});

describe("A service with several targets", () => {
  it("is offered with each of them, and warns of one without a server", async () => {
    const [good, deadPort] = [await answering("good"), await freePort()];
    const text = await expose(east, `twin=${good.at},127.0.0.1:${deadPort}`);
    expect(text).toContain(`from ${good.at}, 127.0.0.1:${deadPort} (tcp)`);
    expect(text).toContain("No server answers at the target");
    expect(await answerAt(await west.listener("twin"))).toBe("good");
    expect((await east.fairlead("unexpose", "twin")).status).toBe(0);
  });
});

describe("The balance of a service", () => {
  it("is changed by an operator while connectors run, and is seen at another site at once", async () => {
    const server = await answering("balanced");
    await expose(east, `pool:7070=${server.at}`);
    await expose(north, `pool:7070=${server.at}`);
    await west.listener("pool");
    const seen = async (balance: string | undefined) => {
      const service = (await west.control.services()).services.find(({ name }) => name === "pool");
      return service !== undefined && service.balance === balance && service.sites.length === 2;
    };
    await eventually("west sees both sites", () => seen(undefined));
    const operate = async (...args: string[]) => {
      const run = await suite.edge.fairlead("service", ...args, "--network", network.name);
      expect(run.status, run.stderr).toBe(0);
      return run.stdout;
    };
    await operate("balance", "pool", "--mode", "priority", "--order", "north,east");
    await eventually("west sees the order", () => seen("priority"));
    expect(await operate("list")).toMatch(/pool +tcp +7070 +priority: north, east/);
    await operate("balance", "pool", "--mode", "weighted", "--weight", "east=0");
    await eventually("west sees the weights", () => seen("weighted"));
    expect(await operate("balance", "pool")).toContain("weight of east: 0");
    await operate("balance", "pool", "--reset");
    await eventually("west sees no balance", () => seen(undefined));
  });
});

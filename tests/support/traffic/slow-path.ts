/** A site with a long round trip to its edge. */
import { expect } from "vitest";
import { ControlClient } from "../../../connector/control/client.ts";
import { eventually } from "../clock/eventually.ts";
import { connectorArgs } from "../connector/connector.ts";
import type { Suite } from "../run/suite.ts";
import { type ConnectProxy, startProxy } from "./delaying-proxy.ts";
import { bytesOf, echo, exchange, serve } from "./servers.ts";

/** About sixty round trips, also on a busy machine. */
const PATIENCE = { within: 240_000 };

/** Joins a site with a round trip of `roundTrip` ms, and checks that it uses a service of a near site. */
export async function useFromAfar({ cluster, edge }: Suite, roundTrip: number): Promise<void> {
  const proxy: ConnectProxy = await startProxy({ delayMs: roundTrip / 2 });
  try {
    const network = await cluster.network(edge);
    const token = await network.token({ uses: 2 });
    const server = await serve(echo);
    const options = { site: "far", token, bind: "127.2.0.0/16" };
    const stateDir = cluster.fresh("far");
    const far = cluster.run("far", connectorArgs(options, stateDir), { HTTPS_PROXY: proxy.url });
    await cluster.connector({ site: "near", token, expose: [`api=${server.at}`] });
    const control = new ControlClient(stateDir);
    const place = await eventually(
      "far listens for api",
      async () => {
        const { services } = await control.services();
        const { listener = null } = services.find(({ name }) => name === "api") ?? {};
        if (listener?.state !== "listening") return null;
        const [host = "", port] = listener.address.split(":");
        return { host, port: Number(port) };
      },
      PATIENCE,
    );
    const said = bytesOf("far", 100_000);
    const heard = await exchange(place, said);
    expect(heard.equals(said)).toBe(true);
    const { uplink } = await control.status();
    expect(uplink.rtt).toBeGreaterThanOrEqual(roundTrip);
    // No attempt was given up.
    expect(far.stdout).not.toMatch(
      /did not answer|not up after|"code":"(uplink\.lost|session\.timeout|lane\.unmet)"/,
    );
  } finally {
    await proxy.close();
  }
}

/** Connectors that get SIGTERM while they carry streams. */
import { describe, expect, it } from "vitest";
import { clearUp, lay } from "../support/harm/ground.ts";
import { patience } from "../support/harm/scale.ts";
import { eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";
import { dial } from "../support/traffic/servers.ts";

clearUp();

const ORDERLY = { status: 0, signal: null };
const PACE = { bytes: 8000, everyMs: 20 };

/** The streams finish at the end of each test, however long a busy machine takes for it. */
const PATIENT = { args: ["--drain", "10m"] };

describe("A connector that drains", () => {
  it("lets open streams finish on either side while new clients go elsewhere, and exits with status 0", {
    timeout: patience(),
  }, async () => {
    const ground = await lay({ west: PATIENT, east: PATIENT });
    const { cluster, token, server, west, east } = ground;
    const streams = await server.open(ground.streams, 20, PACE);
    await streams.move();

    // Another site offers the same service to new clients.
    await cluster.connector({ site: "north", token, expose: [`bytes=${server.at}`] });
    await eventually("west sees both sites", async () => {
      const { services } = await west.control.services();
      return services.find(({ name }) => name === "bytes")?.sites.length === 2;
    });
    east.process.kill("SIGTERM");
    await eventually("west sees north alone", async () => {
      const { services } = await west.control.services();
      return services.find(({ name }) => name === "bytes")?.sites.join() === "north";
    });
    const others = await server.open(ground.streams, 10, PACE);
    await others.move();
    await streams.move();
    expect(east.process.exit, "east, while its streams run").toBeNull();
    // The service that only east offered has no listener now, so no client is accepted and reset later.
    const begin = performance.now();
    await streams.finish();
    expect(await east.process.exited).toEqual(ORDERLY);
    const ending = Math.round(performance.now() - begin);

    // The connector of the clients stops as well.
    west.process.kill("SIGTERM");
    await eventually("west has closed its listener", () =>
      dial(ground.streams).then(
        (socket) => {
          socket.destroy();
          return false;
        },
        () => true,
      ),
    );
    await others.move();
    expect(west.process.exit, "west, while its streams run").toBeNull();
    await others.finish();
    expect(await west.process.exited).toEqual(ORDERLY);
    report("drain", {
      "bytes checked": streams.bytes + others.bytes,
      "from the last byte to the end, ms": ending,
    });
  });

  it("never accepts a client that no site can serve, and serves it once a site is back", {
    timeout: patience(),
  }, async () => {
    const ground = await lay({ west: PATIENT, east: PATIENT });
    const { server, east, west } = ground;
    const streams = await server.open(ground.streams, 5, PACE);
    await streams.move();
    const leaving = east.process.exited;
    east.process.kill("SIGTERM");
    // No site offers the service now, so its listener closes and accepts no client.
    await eventually("west has closed its listener", async () => {
      const { services } = await west.control.services();
      return services.find(({ name }) => name === "bytes")?.listener?.state !== "listening";
    });
    const fates: string[] = [];
    const late = eventually("a client is served", () =>
      server.open(ground.streams, 1, PACE).catch((error: NodeJS.ErrnoException) => {
        fates.push(error.code ?? error.message);
        return null;
      }),
    );
    await streams.move();
    await streams.finish();
    expect(await leaving).toEqual(ORDERLY);
    await east.restart();
    expect(await west.listener("bytes")).toEqual(ground.streams);
    const came = await late;
    await came.move();
    await came.finish();
    // The kernel resets a client in the accept queue of a listener that closes. West never accepted it.
    expect(["ECONNREFUSED", "ECONNRESET"]).toEqual(expect.arrayContaining([...new Set(fates)]));
    expect(west.log().filter(({ service, code }) => service === "bytes" && code !== undefined)).toEqual([]);
  });
});

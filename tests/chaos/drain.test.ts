/** Connectors that are told to end while they carry streams. */
import { expect, test } from "vitest";
import { clearUp, lay } from "../support/harm/ground.ts";
import { patience } from "../support/harm/scale.ts";
import { eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";
import { dial } from "../support/traffic/servers.ts";

clearUp();

const ORDERLY = { status: 0, signal: null };
const PACE = { bytes: 8000, everyMs: 20 };

test("SIGTERM lets running streams finish at either side, new clients go elsewhere or wait, and the status is 0", {
  timeout: patience(),
}, async () => {
  const ground = await lay();
  const { cluster, token, server, west, east } = ground;
  const streams = await server.open(ground.streams, 20, PACE);
  await streams.move();

  // Another site offers the same, so that new clients have somewhere to go.
  await cluster.connector({ site: "north", token, expose: [`bytes=${server.at}`] });
  await eventually("west knows both", async () => {
    const { services } = await west.control.services();
    return services.find(({ name }) => name === "bytes")?.sites.length === 2;
  });
  east.process.kill("SIGTERM");
  await eventually("east is no choice any more", async () => {
    const { services } = await west.control.services();
    return services.find(({ name }) => name === "bytes")?.sites.join() === "north";
  });
  const others = await server.open(ground.streams, 10, PACE);
  await others.move();
  await streams.move();
  expect(east.process.exit, "east, while its streams run").toBeNull();
  // What north does not offer has nobody left: its clients are not taken, rather than cut off later.
  const begin = performance.now();
  await streams.finish();
  expect(await east.process.exited).toEqual(ORDERLY);
  const ending = Math.round(performance.now() - begin);

  // The side of the clients ends, too.
  west.process.kill("SIGTERM");
  await eventually("west listens no more", () =>
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

test("a client that comes while nobody takes new ones is refused at once or waits, and is served when somebody is back", {
  timeout: patience(),
}, async () => {
  const ground = await lay();
  const { server, east, west } = ground;
  const streams = await server.open(ground.streams, 5, PACE);
  await streams.move();
  const leaving = east.process.exited;
  east.process.kill("SIGTERM");
  await east.logged({ msg: "The connector stops." });
  // Nobody offers the service any more, so its listener goes; it never takes a client only to cut it off.
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
  // The kernel resets a client that it connected in the moment in which the listener closes: west never had it.
  expect(["ECONNREFUSED", "ECONNRESET"]).toEqual(expect.arrayContaining([...new Set(fates)]));
  expect(west.log().filter(({ service, code }) => service === "bytes" && code !== undefined)).toEqual([]);
});

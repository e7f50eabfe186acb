/** Many streams at once between two connectors, with every byte checked in both directions. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { eventually } from "../support/process/cluster.ts";
import { useEdge } from "../support/run/suite.ts";
import { bytesOf, dial, type Place, serve, sha256 } from "../support/traffic/servers.ts";

const suite = useEdge();

const STREAMS_EACH_WAY = 100;
const MAX_BYTES = 256 * 1024;

/** Returns a length that depends on `seed` alone. Some lengths are zero or one. */
const lengthOf = (seed: number) => (seed % 25 === 0 ? seed % 2 : (seed * 7919) % MAX_BYTES);

/**
 * Answers `N\n` at once with `!`. Then reads to the end, and answers with the SHA-256 of the bytes and with bytes of
 * its own.
 */
async function answer(socket: Socket): Promise<void> {
  // A connector checks its target once, with a connection that it resets. Clients notice every other failure.
  const [first] = (await once(socket, "data").catch(() => [])) as Buffer[];
  if (first === undefined) return;
  const name = first.toString().trim();
  socket.write("!");
  const received = await buffer(socket);
  socket.end(
    Buffer.concat([Buffer.from(sha256(received)), bytesOf(`answer ${name}`, lengthOf(Number(name) + 1))]),
  );
}

interface Client {
  readonly socket: Socket;
  readonly name: number;
}

/** Opens a stream and waits until the target has answered on it. */
async function open(place: Place, name: number): Promise<Client> {
  const socket = await dial(place);
  socket.write(`${name}\n`);
  const [ready] = (await once(socket, "data")) as [Buffer];
  expect(ready.toString()).toBe("!");
  return { socket, name };
}

async function check({ socket, name }: Client): Promise<void> {
  const sent = bytesOf(`question ${name}`, lengthOf(name));
  socket.end(sent);
  const got = await buffer(socket);
  expect(got.subarray(0, 64).toString(), `what ${name} sent`).toBe(sha256(sent));
  expect(sha256(got.subarray(64)), `what ${name} got`).toBe(
    sha256(bytesOf(`answer ${name}`, lengthOf(name + 1))),
  );
}

describe("A session", () => {
  it("carries 200 streams at once, half of them opened by either side, without losing a byte", async () => {
    const network = await suite.cluster.network(suite.edge);
    const token = await network.token({ uses: 2 });
    const inEast = await serve((socket) => void answer(socket));
    const inWest = await serve((socket) => void answer(socket), { host: "127.2.200.1" });
    const [east, west] = await Promise.all([
      suite.cluster.connector({
        site: "east",
        token,
        bind: "127.3.0.0/16",
        expose: [`in-east=${inEast.at}`],
      }),
      suite.cluster.connector({
        site: "west",
        token,
        bind: "127.2.0.0/16",
        expose: [`in-west=${inWest.at}`],
      }),
    ]);
    const places = [await west.listener("in-east"), await east.listener("in-west")];
    const clients = await Promise.all(
      places.flatMap((place, side) =>
        Array.from({ length: STREAMS_EACH_WAY }, (_, index) => open(place, 1000 * side + index)),
      ),
    );
    for (const site of [east, west]) {
      const { sessions, flows } = await site.status();
      expect(sessions).toMatchObject([{ streams: 2 * STREAMS_EACH_WAY }]);
      expect(flows).toBe(2 * STREAMS_EACH_WAY);
    }
    await Promise.all(clients.map(check));
    await eventually("no stream is left", async () => (await west.status()).sessions[0]?.streams === 0);
    for (const site of [east, west]) {
      await eventually("no flow is left", async () => (await site.status()).flows === 0);
    }
  });
});

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { dialTarget } from "../../../../connector/targets/dial-target.ts";
import {
  MAX_HOPS,
  TargetDials,
  type TargetDialsOptions,
} from "../../../../connector/targets/target-dials.ts";

/** What `behind` answers for a client that `dials` connected for a stream with `hops` streams behind it. */
async function streamsBehind(
  dials: TargetDials,
  hops: number,
  listener: TargetDials = dials,
): Promise<number> {
  const counted = Promise.withResolvers<number>();
  const server = createServer((client: Socket) => {
    client.on("error", () => {});
    listener.behind(client).then(counted.resolve, counted.reject);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  counted.promise.catch(() => {});
  const socket = await dials.run(port, hops, () => dialTarget({ host: "127.0.0.1", port }));
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  return await counted.promise;
}

const everywhere: TargetDialsOptions = { isListened: () => true };
const loop = expect.objectContaining({ code: "service.loop" });

/** The dials of a listener's connector, which asks another connector on the machine. */
const beside = (other: TargetDials) =>
  new TargetDials({
    isListened: () => true,
    machine: { isTarget: () => true, hopsOf: (address, port) => other.hopsOf(address, port) },
  });

describe("TargetDials", () => {
  it("refuses a client that this connector dialled as a target, however early the client is seen", async () => {
    for (let round = 0; round < 20; round++) {
      await expect(streamsBehind(new TargetDials(everywhere), 0)).rejects.toEqual(loop);
    }
  });

  it("counts one stream more than the dialling connector had behind the client's connection", async () => {
    const other = new TargetDials(everywhere);
    expect(await streamsBehind(other, 0, beside(other))).toBe(1);
    expect(await streamsBehind(other, 3, beside(other))).toBe(4);
    await expect(streamsBehind(other, MAX_HOPS, beside(other))).rejects.toEqual(loop);
  });

  it("counts no stream behind a client that no connector here dialled", async () => {
    expect(await streamsBehind(new TargetDials(everywhere), 0, beside(new TargetDials(everywhere)))).toBe(0);
    expect(await streamsBehind(new TargetDials({ isListened: () => false }), 5)).toBe(0);
  });
});

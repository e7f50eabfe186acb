import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { dialTarget } from "../../../../connector/targets/dial-target.ts";
import {
  MAX_HOPS,
  TargetDials,
  type TargetDialsOptions,
} from "../../../../connector/targets/target-dials.ts";

/** What a listener says of a client that `dials` dials to it, having so many hops behind it. */
async function meet(dials: TargetDials, hops: number, listener: TargetDials = dials): Promise<number> {
  const judged = Promise.withResolvers<number>();
  const server = createServer((client: Socket) => {
    client.on("error", () => {});
    listener.behind(client).then(judged.resolve, judged.reject);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  judged.promise.catch(() => {});
  const socket = await dials.run(port, hops, () => dialTarget({ host: "127.0.0.1", port }));
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  return await judged.promise;
}

const everywhere: TargetDialsOptions = { isListened: () => true };
const loop = expect.objectContaining({ code: "service.loop" });

/** A listener's side that asks another connector on the machine. */
const beside = (other: TargetDials) =>
  new TargetDials({
    isListened: () => true,
    machine: { isTarget: () => true, hopsOf: (address, port) => other.hopsOf(address, port) },
  });

describe("a client of a listener", () => {
  it("is refused when the same connector dialled it as a target, however early it is noticed", async () => {
    for (let round = 0; round < 20; round++) {
      await expect(meet(new TargetDials(everywhere), 0)).rejects.toEqual(loop);
    }
  });

  it("has one hop more behind it than the stream for which another connector on the machine dialled it", async () => {
    const other = new TargetDials(everywhere);
    expect(await meet(other, 0, beside(other))).toBe(1);
    expect(await meet(other, 3, beside(other))).toBe(4);
    await expect(meet(other, MAX_HOPS, beside(other))).rejects.toEqual(loop);
  });

  it("has none when nobody here dialled it", async () => {
    expect(await meet(new TargetDials(everywhere), 0, beside(new TargetDials(everywhere)))).toBe(0);
    expect(await meet(new TargetDials({ isListened: () => false }), 5)).toBe(0);
  });
});

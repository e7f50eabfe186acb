import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { tryAddress } from "../../../../../connector/edge/addresses/ports.ts";

describe("a free port", () => {
  test("is none that the kernel gives to outgoing connections", async () => {
    const ports = await Promise.all(
      Array.from({ length: 50 }, () => tryAddress({ host: "127.0.0.1", port: 0 })),
    );
    for (const port of ports) {
      expect(port).toBeGreaterThanOrEqual(20_000);
      expect(port).toBeLessThan(32_768);
    }
  });

  test("is refused at an address that is not this machine's", async () => {
    await expect(tryAddress({ host: "192.0.2.1", port: 0 })).rejects.toMatchObject({
      code: "request.invalid",
    });
  });

  test("is the wanted port, or edge.port_taken", async () => {
    const port = await tryAddress({ host: "127.0.0.1", port: 0 });
    expect(await tryAddress({ host: "127.0.0.1", port })).toBe(port);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
    await expect(tryAddress({ host: "127.0.0.1", port })).rejects.toMatchObject({ code: "edge.port_taken" });
    server.close();
  });
});

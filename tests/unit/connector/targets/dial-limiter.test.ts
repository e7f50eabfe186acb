import { describe, expect, it } from "vitest";
import { DialLimiter, type DialLimits } from "../../../../connector/targets/dial-limiter.ts";

const code = (value: string) => expect.objectContaining({ code: value });

/** Starts dials that end when the test ends them. */
function setUp(limits: Partial<DialLimits>) {
  const limiter = new DialLimiter(limits);
  const started: string[] = [];
  const open = new Map<string, () => void>();
  const dial = (
    name: string,
    { site = "west", service = "api", signal = new AbortController().signal } = {},
  ) =>
    limiter.run(site, service, signal, async () => {
      started.push(name);
      await new Promise<void>((resolve) => open.set(name, resolve));
      return name;
    });
  const finish = async (name: string) => {
    open.get(name)?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { limiter, started, dial, finish };
}

describe("DialLimiter", () => {
  it("lets a burst wait, and serves it in order", async () => {
    const { limiter, started, dial, finish } = setUp({ perService: 2, waitMs: 60_000 });
    const all = ["a", "b", "c", "d"].map((name) => dial(name));
    expect(started).toEqual(["a", "b"]);
    expect([limiter.dialling, limiter.waiting]).toEqual([2, 2]);
    await finish("b");
    expect(started).toEqual(["a", "b", "c"]);
    await finish("a");
    for (const name of ["c", "d"]) await finish(name);
    expect(await Promise.all(all)).toEqual(["a", "b", "c", "d"]);
    expect([limiter.dialling, limiter.waiting]).toEqual([0, 0]);
  });

  it("refuses a dial that waited too long with service.overloaded, without dialling", async () => {
    const { limiter, started, dial, finish } = setUp({ perService: 1, waitMs: 10 });
    const first = dial("first");
    await expect(dial("second")).rejects.toEqual(code("service.overloaded"));
    expect(started).toEqual(["first"]);
    await finish("first");
    await first;
    expect([limiter.dialling, limiter.waiting]).toEqual([0, 0]);
  });

  it("limits the dials of each service, of each site and of the process", async () => {
    const { started, dial } = setUp({ perService: 1, perSite: 2, total: 3, waitMs: 60_000 });
    void dial("west api");
    void dial("west api again");
    void dial("west db", { service: "db" });
    void dial("west web", { service: "web" });
    void dial("east api", { site: "east" });
    void dial("north api", { site: "north" });
    expect(started).toEqual(["west api", "west db", "east api"]);
  });

  it("removes the dial of a stream that ends from the queue, and keeps no place for it", async () => {
    const { limiter, started, dial, finish } = setUp({ perService: 1, waitMs: 60_000 });
    const first = dial("first");
    const ended = new AbortController();
    const gone = dial("gone", { signal: ended.signal });
    const last = dial("last");
    ended.abort();
    await expect(gone).rejects.toEqual(code("stream.cancelled"));
    await finish("first");
    await first;
    expect(started).toEqual(["first", "last"]);
    await finish("last");
    await last;
    expect([limiter.dialling, limiter.waiting]).toEqual([0, 0]);
  });

  it("frees the place of a dial that fails", async () => {
    const limiter = new DialLimiter({ perService: 1 });
    const { signal } = new AbortController();
    const failing = () => limiter.run("west", "api", signal, () => Promise.reject(new Error("refused")));
    await expect(failing()).rejects.toThrow("refused");
    await expect(failing()).rejects.toThrow("refused");
    expect(limiter.dialling).toBe(0);
  });
});

import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WATCH_MS } from "../../../protocol/api/live.ts";
import { Lifecycle } from "../../../workers/registry/lifecycle.ts";
import { Registry } from "../../../workers/registry/registry.ts";
import { Recorder } from "../../../workers/telemetry/recorder.ts";
import { Telemetry } from "../../../workers/telemetry/telemetry.ts";
import { admit, PATIENCE, registryOf, TestUplink } from "../../support/workerd/member.ts";
import { closeShop, openShop } from "../../support/workerd/shop.ts";
import { TrafficViewer, telemetryOf } from "../../support/workerd/telemetry-line.ts";
import { TestViewer } from "../../support/workerd/viewer.ts";

/** A thousand uplinks. Ten minutes need not pass: objects run for events, not for time. */
const SITES = 100;
const UPLINKS_OF_A_SITE = 10;

afterEach(async () => {
  vi.restoreAllMocks();
  await closeShop();
});

/** The longest that a timer waits in this test, ms: what it does depends on the date. */
const SHORT_MS = 50;

/** Timers that were set from now on and have neither fired nor been cleared. They wait for {@link SHORT_MS} at most. */
function watchTimers(): ReadonlySet<unknown> {
  const pending = new Set<unknown>();
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  vi.spyOn(globalThis, "setTimeout").mockImplementation(((work: () => void, ms?: number) => {
    const timer = set(
      () => {
        pending.delete(timer);
        work();
      },
      Math.min(SHORT_MS, ms ?? 0),
    );
    pending.add(timer);
    return timer;
  }) as typeof set);
  vi.spyOn(globalThis, "clearTimeout").mockImplementation((timer) => {
    pending.delete(timer);
    clear(timer);
  });
  return pending;
}

describe("the objects of an idle network", () => {
  it("run no code, with uplinks and a console in the background that keep their connections alive", async () => {
    // A thousand uplinks take longer to open than one may be silent.
    vi.useFakeTimers({ toFake: ["Date"] });
    const { west } = await openShop();
    const uplinks: TestUplink[] = [];
    for (let site = 0; site < SITES; site++) {
      const member = await admit("shop", `site-${site}`);
      for (let each = 0; each < UPLINKS_OF_A_SITE; each++) uplinks.push(await TestUplink.open(member));
    }
    const timers = watchTimers();
    const intervals = vi.spyOn(globalThis, "setInterval");
    const [status, traffic] = [await TestViewer.open("shop"), await TrafficViewer.open("shop")];
    await status.next("snapshot");
    traffic.send({ type: "traffic", query: { window: "15m" } });
    await traffic.next("traffic");
    expect(timers.size).toBeGreaterThan(0);

    // The page goes to the background, so that it does not renew its leases.
    vi.setSystemTime(Date.now() + WATCH_MS);
    await vi.waitFor(() => expect(timers.size).toBe(0), PATIENCE);
    for (const object of [registryOf(west), telemetryOf(west)]) {
      expect(await runInDurableObject(object, (_, { storage }) => storage.getAlarm())).toBeNull();
      await evictDurableObject(object, { webSockets: "hibernate" });
    }

    // Without a timer and an alarm, only what comes from outside wakes them. From now on that is keep-alives.
    const calls = [
      ...[vi.spyOn(Lifecycle.prototype, "wake"), vi.spyOn(Recorder.prototype, "load")],
      ...[
        vi.spyOn(Registry.prototype, "webSocketMessage"),
        vi.spyOn(Telemetry.prototype, "webSocketMessage"),
      ],
    ];
    const others = [Registry.prototype, Telemetry.prototype].flatMap((object) => [
      ...[vi.spyOn(object, "alarm"), vi.spyOn(object, "fetch")],
    ]);
    const lines = [...uplinks, status, traffic];
    for (let round = 0; round < 3; round++) {
      for (const line of lines) line.send("p");
      for (const line of lines) await line.take("a pong", (data) => (data === "P" ? data : null));
    }
    for (const call of [...calls, ...others, intervals]) expect(call).not.toHaveBeenCalled();

    // The page is looked at again: both objects wake.
    status.send({ type: "watch" });
    traffic.send({ type: "watch" });
    await status.next("snapshot");
    await traffic.next("traffic");
    for (const call of calls) expect(call).toHaveBeenCalled();
  });
});

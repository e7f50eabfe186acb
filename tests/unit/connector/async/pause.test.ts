import { describe, it } from "vitest";
import { Pause } from "../../../../connector/async/pause.ts";

const running = new AbortController().signal;

describe("Pause", () => {
  it("ends when it is hurried", async () => {
    const pause = new Pause(running, () => 0);
    const waiting = pause.wait(600_000);
    pause.hurry(600_000);
    await waiting;
  });

  it("takes only the first hurry of a wait", async () => {
    const jitter = [0, 1];
    const pause = new Pause(running, () => jitter.shift() ?? 1);
    const waiting = pause.wait(600_000);
    pause.hurry(600_000);
    pause.hurry(600_000);
    await waiting;
  });

  it("ignores a hurry between two waits", async () => {
    const pause = new Pause(running, () => 0);
    pause.hurry(0);
    const first = pause.wait(600_000);
    pause.hurry(0);
    await first;
    pause.hurry(0);
    const second = pause.wait(600_000);
    pause.hurry(0);
    await second;
  });

  it("ends when the connector stops", async () => {
    const stop = new AbortController();
    const pause = new Pause(stop.signal, () => 0);
    const waiting = pause.wait(600_000);
    stop.abort();
    await waiting;
    await pause.wait(600_000);
  });
});

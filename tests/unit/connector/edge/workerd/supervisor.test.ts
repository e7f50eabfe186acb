import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Run, restartPause, Supervisor } from "../../../../../connector/edge/workerd/supervisor.ts";
import { silent } from "../../../../../connector/log.ts";
import { eventually } from "../../../../support/clock/eventually.ts";

/** A run that ends on request. */
class FakeRun implements Run {
  readonly ended: Promise<string>;
  crash: (how: string) => void = () => {};
  grace: number | undefined;

  constructor() {
    this.ended = new Promise((resolve) => {
      this.crash = resolve;
    });
  }

  async end(grace: number): Promise<void> {
    this.grace = grace;
    this.crash("ended");
  }
}

function supervise(fails: (launch: number) => boolean = () => false) {
  const runs: FakeRun[] = [];
  let launches = 0;
  const supervisor = new Supervisor({
    log: silent,
    launch: async () => {
      if (fails(++launches)) throw new Error("no");
      const run = new FakeRun();
      runs.push(run);
      return run;
    },
  });
  return { supervisor, runs, launches: () => launches };
}

test("a crashed run is followed by another, without a pause the first time", async () => {
  const { supervisor, runs } = supervise();
  await supervisor.start();
  runs[0]?.crash("signal SIGSEGV");
  await eventually("a second run", () => runs.length === 2);
  await supervisor.stop(10);
  expect(runs[1]?.grace).toBe(10);
});

test("the pause grows with each failure in a row, up to a limit", () => {
  const pauses = [0, 1, 2, 3, 4, 5, 6, 100].map(restartPause);
  expect(pauses).toEqual([...pauses].sort((left, right) => left - right));
  expect(pauses[0]).toBe(0);
  expect(pauses.at(-1)).toBe(5_000);
});

test("a replaced run is followed by another, and a stopped run by none", async () => {
  const { supervisor, runs } = supervise();
  await supervisor.start();
  await supervisor.replace(5);
  await eventually("a second run", () => runs.length === 2);
  await supervisor.stop(10);
  await sleep(20);
  expect(runs).toHaveLength(2);
});

test("start rejects when the first run fails; a later run is launched again", async () => {
  const broken = supervise(() => true);
  await expect(broken.supervisor.start()).rejects.toThrow("no");
  expect(broken.launches()).toBe(1);

  const shaky = supervise((launch) => launch === 2);
  await shaky.supervisor.start();
  shaky.runs[0]?.crash("status 1");
  await eventually("a second run", () => shaky.runs.length === 2);
  await shaky.supervisor.stop(0);
});

test("stop does not wait for a pause", async () => {
  const { supervisor, runs, launches } = supervise((launch) => launch > 1);
  await supervisor.start();
  runs[0]?.crash("status 1");
  await eventually("a second launch", () => launches() === 2);
  // The pause is at least this long; a timer of the same length that starts later ends later.
  const pause = sleep(restartPause(1), "the pause");
  expect(await Promise.race([supervisor.stop(0).then(() => "stopped"), pause])).toBe("stopped");
});

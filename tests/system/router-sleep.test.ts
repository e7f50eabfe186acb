import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ID_BYTES, makeId } from "../../protocol/ids.ts";
import type { Ticket } from "../../workers/authority/ticket.ts";
import { RouterProbe } from "../support/edge/router-probe.ts";

/** The runtime lets an object sleep after ten seconds of rest. */
const REST_MS = 14_000;
/** Rests until a router must have slept, each longer than the one before: a busy machine is late. */
const RESTS = 4;

const west = makeId("site", randomBytes(ID_BYTES));
const east = makeId("site", randomBytes(ID_BYTES));

/** A ticket for one lane, of west's side or of east's. */
function ticket(side: "a" | "b", meetMs = 120_000): Ticket {
  return {
    ...{ network: NETWORK, session: SESSION, generation: 1, lane: 0, boot: BOOT, side, meetMs },
    site: side === "a" ? west : east,
    peer: side === "a" ? east : west,
    expires: Date.now() + 30_000,
  };
}
const NETWORK = makeId("network", randomBytes(ID_BYTES));
const SESSION = makeId("session", randomBytes(ID_BYTES));
const BOOT = makeId("boot", randomBytes(ID_BYTES));

let probe: RouterProbe;

beforeAll(async () => {
  probe = await RouterProbe.start();
});
afterAll(() => probe.close());

async function open(router: string, meetMs?: number) {
  const left = await probe.dial(router, ticket("a", meetMs));
  const right = await probe.dial(router, ticket("b"));
  if (left === null || right === null) throw new Error("the router refused a lane");
  return { left, right };
}

/** Whether a router was started anew at the end of one of several rests. */
async function sleeps(router: string, run: string): Promise<boolean> {
  for (let rest = 1; rest <= RESTS; rest++) {
    await sleep(REST_MS * rest);
    if ((await probe.run(router)) !== run) return true;
  }
  return false;
}

describe("a router", () => {
  it.concurrent("sleeps once both ends of its lanes are closed", async () => {
    const run = await probe.run("closed");
    const { left, right } = await open("closed");
    const closed = new Promise((resolve) => right.once("close", resolve));
    left.close(1000);
    await closed;
    expect(await sleeps("closed", run)).toBe(true);
  });

  it.concurrent("sleeps once both ends of its lanes are gone without a close", async () => {
    const run = await probe.run("gone");
    const { left, right } = await open("gone");
    left.terminate();
    right.terminate();
    expect(await sleeps("gone", run)).toBe(true);
  });

  it.concurrent("has no timer left for a lane that was joined", async () => {
    const run = await probe.run("joined");
    // The first side would have waited longer than the rests take.
    const { left, right } = await open("joined", 3_600_000);
    left.terminate();
    right.terminate();
    expect(await sleeps("joined", run)).toBe(true);
  });

  it.concurrent("sleeps after a first side waited in vain", async () => {
    const run = await probe.run("unmet");
    const left = await probe.dial("unmet", ticket("a", 500));
    await new Promise((resolve) => left?.once("close", resolve));
    expect(await sleeps("unmet", run)).toBe(true);
  });

  it.concurrent("sleeps after a dial that it refused", async () => {
    const run = await probe.run("refused");
    const { left, right } = await open("refused");
    expect(await probe.dial("refused", ticket("a"))).toBeNull();
    left.terminate();
    right.terminate();
    expect(await sleeps("refused", run)).toBe(true);
  });

  it.concurrent("stays awake while a lane is open, although nothing passes over it", async () => {
    const run = await probe.run("open");
    await open("open");
    await sleep(REST_MS * 2);
    expect(await probe.run("open")).toBe(run);
  });
});

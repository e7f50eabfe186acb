/** A site that falls silent: no socket closes, and no byte arrives. */
import { describe, expect, it } from "vitest";
import { KEEPALIVE } from "../../protocol/uplink/messages.ts";
import { boundOf } from "../support/clock/bound.ts";
import { clearUp, lay } from "../support/harm/ground.ts";
import { FULL, patience } from "../support/harm/scale.ts";
import { eventually } from "../support/process/cluster.ts";
import { report } from "../support/run/report.ts";

clearUp();

/** Time in which `link status` shows a silent site as down, ms. */
const PROMISE = 60_000;

describe("The link of a silent site", () => {
  it.skipIf(!FULL)(
    "is down within a minute, and up again once the site continues",
    {
      timeout: patience(PROMISE),
    },
    async () => {
      const { east, network } = await lay();
      const within = await boundOf(PROMISE, { times: 100, control: () => network.status() });
      const links = async () =>
        Object.fromEntries((await network.status()).links.map(({ joiner, state }) => [joiner, state]));
      expect(await links()).toEqual({ east: "up", west: "up" });
      const begin = performance.now();
      process.kill(east.process.pid, "SIGSTOP");
      try {
        // Each status request makes the registry check its uplinks.
        const down = async () => (await links()).east === "down";
        await eventually("the link is down", down, { within, every: 500 });
      } finally {
        process.kill(east.process.pid, "SIGCONT");
      }
      const noticed = performance.now() - begin;
      expect(await links()).toEqual({ east: "down", west: "up" });
      const back = performance.now();
      await eventually("the link is up", async () => (await links()).east === "up");
      report("silent loss", {
        "seen after ms": Math.round(noticed),
        "silence that is death, ms": KEEPALIVE.deadAfterMs,
        "up again after ms": Math.round(performance.now() - back),
      });
    },
  );
});

/** A member floods its registry with messages of every kind at once, and returns after its ban. */
import { eventually } from "../../support/clock/eventually.ts";
import type { RawUplink } from "../../support/connector/raw-site.ts";
import { Neighbour } from "../../support/edge/neighbour.ts";
import { FLOODS, flood } from "../../support/traffic/flood.ts";
import type { AttackScript } from "../attack-script.ts";

/** Length of the first ban, s. */
const BAN = 10;

export const script: AttackScript = {
  name: "flooded-registry",
  rule: "A site that exceeds its budget by far is banned for a while, and no other network is slowed down.",
  async run({ scene }) {
    const stage = await scene();
    return await stage.besideNeighbour(async (neighbour) => {
      const rest = await neighbour.measure();
      const mallory = await stage.attacker("mallory");
      const uplink = await mallory.connect();
      // The padding is no field of the message, which is well formed.
      const padding = "x".repeat(200_000);
      for (let id = 1; id <= 100; id++) uplink.send({ type: "status.request", id, padding });
      const end = await uplink.closed;
      const banned = performance.now();
      const refusal = await mallory.dialUplink();
      const refused = refusal.kind === "refused" && refusal.code === "uplink.limited" ? refusal : null;
      const banning = await neighbour.measure();
      await eventually("the ban is over", async () => (await mallory.dialUplink()).kind === "open", {
        every: 500,
      });
      const lasted = (performance.now() - banned) / 1000;

      const uplinks: RawUplink[] = [];
      for (const at of Object.keys(FLOODS).keys()) {
        const flooder = await stage.attacker(`flooder-${at}`);
        uplinks.push(await flooder.connect());
      }
      const over = new AbortController();
      const messages = Object.values(FLOODS).values();
      const floods = uplinks.map((uplink) => flood(uplink, messages.next().value ?? String, over.signal));
      const under = await neighbour.measure();
      over.abort();
      const sent = (await Promise.all(floods)).reduce((sum, count) => sum + count, 0);
      for (const { socket } of uplinks) socket.terminate();
      const bound = Neighbour.bound(rest);
      const told = refused?.retryAfter ?? 0;
      return {
        held: end.reason === "uplink.limited" && refused?.status === 429 && told > 0 && told <= BAN,
        tried: `100 messages of 200 kB each; then ${sent} of ${Object.keys(FLOODS).length} kinds from as many sites`,
        seen: `the uplink was closed with ${end.reason}; the next was answered ${JSON.stringify(refusal.kind === "open" ? "with one" : refusal)}`,
        waits: [
          { what: "another network's session during the floods", ms: under, bound },
          { what: "and after a ban", ms: banning, bound },
        ],
        figures: {
          "another network's session at rest, ms": Math.round(rest),
          "the ban lasted, s": Math.round(lasted),
        },
      };
    });
  },
};

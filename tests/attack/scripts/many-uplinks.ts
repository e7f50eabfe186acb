/** Many processes open uplinks with one site's key, most of them silent, beside the site's honest connector. */
import { randomId } from "../../support/authority/certificates.ts";
import { abreast } from "../../support/clock/abreast.ts";
import { eventually } from "../../support/clock/eventually.ts";
import { RawConnector } from "../../support/connector/raw-connector.ts";
import { type Attempt, RawUplink } from "../../support/connector/raw-site.ts";
import { Neighbour } from "../../support/edge/neighbour.ts";
import type { AttackScript } from "../attack-script.ts";

const PROCESSES = 200;
/** Uplinks of each process. The first sends HELLO. */
const EACH = 3;
/** Dials in parallel. */
const ABREAST = 8;
const MAX_PROCESSES = 32;
const MAX_SOCKETS = 96;

export const script: AttackScript = {
  name: "many-uplinks",
  rule: "A site has a bounded number of uplinks, its connector keeps its own, and no other network is slowed down.",
  ci: true,
  async run({ scene }) {
    const stage = await scene();
    const { edge, network } = stage;
    return await stage.besideNeighbour(async (neighbour) => {
      const honest = await stage.honest("east", { expose: ["api=127.0.0.1:9000"], bind: "127.46.0.0/16" });
      const thief = await RawConnector.like(edge, honest.stateDir);
      const up = async () => {
        const { state, since } = (await honest.status()).uplink;
        return state === "up" ? since : state;
      };
      const since = await up();
      const rest = await neighbour.measure();
      const attack = openMany(thief);
      const under = await neighbour.measure();
      const attempts = await attack;

      const refusals = new Map<string, number>();
      const sockets = attempts.flatMap((attempt) => (attempt.kind === "open" ? [attempt.socket] : []));
      for (const attempt of attempts) {
        if (attempt.kind === "open") continue;
        refusals.set(attempt.code, (refusals.get(attempt.code) ?? 0) + 1);
      }
      const { sites } = await network.status();
      const processes = sites.find(({ name }) => name === "east")?.instances.length ?? 0;
      const kept = (await up()) === since;
      for (const socket of sockets) socket.terminate();
      // The restarted connector finds a place for its uplink.
      await honest.restart();
      await eventually("the site's service is offered", async () =>
        (await network.status()).services.some(({ name, sites }) => name === "api" && sites.length > 0),
      );
      const codes = [...refusals.keys()].every((code) =>
        ["uplink.too_many", "uplink.limited"].includes(code),
      );
      return {
        held:
          kept &&
          codes &&
          (refusals.get("uplink.too_many") ?? 0) > 0 &&
          processes <= MAX_PROCESSES &&
          sockets.length <= MAX_SOCKETS,
        tried: `${attempts.length} uplinks of ${PROCESSES} processes of one site`,
        seen:
          `${sockets.length} were opened, ${processes} processes are there; ` +
          `${[...refusals].map(([code, count]) => `${count} refused with ${code}`).join(", ")}; ` +
          `the site's own uplink ${kept ? "stayed" : "was lost"}, and came up again after a restart`,
        waits: [
          { what: "another network's session during the attack", ms: under, bound: Neighbour.bound(rest) },
        ],
        figures: { "another network's session at rest, ms": Math.round(rest) },
      };
    });
  },
};

/** Dials all uplinks. Returns the result of each. */
async function openMany(thief: RawConnector): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  const boots = Array.from({ length: PROCESSES }, () => randomId("boot"));
  await abreast(boots, ABREAST, async (boot) => {
    for (let at = 0; at < EACH; at++) {
      const attempt = await thief.dialUplink({ assertion: await thief.assertAs(boot, "uplink") });
      attempts.push(attempt);
      if (attempt.kind === "open" && at === 0) new RawUplink(attempt.socket).send(thief.hello({ boot }));
    }
  });
  return attempts;
}

/** A member fills the event log: it reports listeners that fail and recover, and sessions that it never had. */
import { createToken, listEvents } from "../../../connector/operator/edge-api.ts";
import { randomId } from "../../support/authority/certificates.ts";
import type { AttackScript } from "../attack-script.ts";

const MESSAGES = 12;
const LISTENERS = 1000;
const SESSIONS = 2000;

export const script: AttackScript = {
  name: "erased-events",
  ci: true,
  rule: "The reports of one member take at most its share of the event log, and events of others stay.",
  async run({ scene }) {
    const stage = await scene();
    const { edge, network } = stage;
    const { id: token } = await createToken(edge.client, network.id, { uses: 1, expirySeconds: 900 });
    const noted = async () => {
      const events = await listEvents(edge.client, network.id, { type: "token.created", limit: 1000 });
      return events.some((event) => JSON.stringify(event).includes(token));
    };
    if (!(await noted())) throw new Error("The event to be erased does not exist.");

    const mallory = await stage.attacker("mallory");
    const uplink = await mallory.connect();
    for (let message = 0; message < MESSAGES; message++) {
      const state = message % 2 === 0 ? "failed" : "listening";
      const listeners = Array.from({ length: LISTENERS }, (_, at) => ({
        ...{ service: `s${at}`, address: `127.0.0.1:${at + 1}`, state },
        ...(state === "failed" ? { code: "listener.failed", message: "down" } : {}),
      }));
      uplink.send({ type: "listeners", listeners });
    }
    for (let at = 0; at < SESSIONS; at++) {
      uplink.send({
        type: "session.ended",
        session: randomId("session"),
        generation: 1,
        code: "session.tampered",
      });
    }
    uplink.send({ type: "status.request", id: 1 });
    const end = await Promise.race([
      uplink.next("status").then(() => "everything was taken"),
      uplink.closed.then(({ code, reason }) => `the uplink was closed: ${code} ${reason}`),
    ]);
    const all = await listEvents(edge.client, network.id, { limit: 1000 });
    const own = all.filter(({ site }) => site === "mallory").length;
    return {
      held: (await noted()) && own < all.length,
      tried: `${MESSAGES} messages of ${LISTENERS} listeners each, ${SESSIONS} ended sessions of nobody`,
      seen: `${end}; an event from before ${(await noted()) ? "is there" : "is gone"}`,
      figures: { "newest events": all.length, "of them the attacker's": own },
    };
  },
};

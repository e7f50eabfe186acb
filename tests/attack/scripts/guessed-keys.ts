/** A stranger guesses API keys, each over a new connection from another client port. */
import { randomBytes } from "node:crypto";
import { request } from "node:https";
import type { AttackScript } from "../attack-script.ts";

const GUESSES = 60;
/** Guesses in parallel: a slower attack would leave the limit time to recover. */
const AT_ONCE = 10;

export const script: AttackScript = {
  name: "guessed-keys",
  rule: "Wrong keys are limited by client address, whatever the port, and a good key from there still works.",
  ci: true,
  async run({ scene }) {
    const { edge } = await scene();
    const ask = (key: string) =>
      new Promise<number>((resolve, reject) => {
        const headers = { authorization: `Bearer ${key}` };
        const sent = request(
          `${edge.localUrl}/v1/networks`,
          { headers, ca: edge.ca, agent: false },
          (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
          },
        );
        sent.once("error", reject).end();
      });
    const statuses = new Map<number, number>();
    for (let guess = 0; guess < GUESSES; guess += AT_ONCE) {
      const wrong = () => ask(`flk_admin_${randomBytes(32).toString("base64url")}`);
      for (const status of await Promise.all(Array.from({ length: AT_ONCE }, wrong))) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
    const good = await ask(edge.adminKey);
    const counts = [...statuses].map(([status, count]) => `${count} × ${status}`).join(", ");
    return {
      held: (statuses.get(429) ?? 0) > 0 && good === 200,
      tried: `${GUESSES} wrong keys over ${GUESSES} connections, then a good one`,
      seen: `${counts}; the good key: ${good}`,
    };
  },
};

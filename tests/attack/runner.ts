/** Runs one script against processes of its own. */

import { closeSockets } from "../support/connector/raw-site.ts";
import { Cluster } from "../support/process/cluster.ts";
import type { AttackScript, Outcome } from "./attack-script.ts";
import { Scene } from "./scene.ts";

const LIMIT_MS = 120_000;

export interface Result extends Outcome {
  readonly name: string;
  readonly rule: string;
  /** ms */
  readonly took: number;
  /** The last lines of each process, where it did not hold. */
  readonly logs: string;
}

/** What a script throws, and an end that does not come, count as an attack that did not hold. */
export async function runScript(script: AttackScript): Promise<Result> {
  const cluster = await Cluster.create("fl-attack-");
  const began = performance.now();
  const { name, rule, limitMs = LIMIT_MS } = script;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<Outcome>((resolve) => {
    const outcome = { held: false, tried: name, seen: `did not end within ${limitMs / 1000} s` };
    timer = setTimeout(() => resolve(outcome), limitMs);
  });
  try {
    const attack = script.run({ scene: (options) => Scene.open(cluster, options) });
    const outcome = await Promise.race([attack.catch(failed), limit]);
    const logs = outcome.held ? "" : cluster.logs();
    return { name, rule, ...outcome, took: Math.round(performance.now() - began), logs };
  } finally {
    clearTimeout(timer);
    closeSockets();
    await cluster.close();
  }

  function failed(thrown: unknown): Outcome {
    const seen = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    return { held: false, tried: name, seen };
  }
}

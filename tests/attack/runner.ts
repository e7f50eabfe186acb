/** Runs one attack script against processes of its own. */
import { closeSockets } from "../support/connector/raw-site.ts";
import { Cluster } from "../support/process/cluster.ts";
import type { AttackScript, Outcome, Wait } from "./attack-script.ts";
import { Scene } from "./scene.ts";

const LIMIT_MS = 120_000;

export interface Result extends Outcome {
  readonly name: string;
  readonly rule: string;
  /** The waits above their bounds. */
  readonly slow: readonly Wait[];
  /** Duration of the script, ms. */
  readonly took: number;
  /** The last lines of each process if the rule did not hold or a wait was long, or an empty text. */
  readonly logs: string;
}

/** Runs a script. An error that it throws and a run beyond its time limit count as a broken rule. */
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
    const slow = (outcome.waits ?? []).filter(({ ms, bound }) => ms >= bound);
    const logs = outcome.held && slow.length === 0 ? "" : cluster.logs();
    return { name, rule, ...outcome, slow, took: Math.round(performance.now() - began), logs };
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

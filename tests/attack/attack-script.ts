/** The interface of an attack script: its rule, its run and its outcome. */
import type { Scene, SceneOptions } from "./scene.ts";

export interface AttackScript {
  /** Name of the file without its extension. */
  readonly name: string;
  /** The property that must hold, as one sentence. */
  readonly rule: string;
  /** Runs in the test suite as well: takes seconds and holds. */
  readonly ci?: boolean;
  /** Time after which the rule counts as broken, ms. The default is two minutes. */
  readonly limitMs?: number;
  run(context: AttackContext): Promise<Outcome>;
}

export interface AttackContext {
  /** Starts an edge with one network for this script. All its processes end with the script. */
  scene(options?: SceneOptions): Promise<Scene>;
}

export interface Outcome {
  /** Whether the rule held, waits apart. */
  readonly held: boolean;
  /** The attempt, with numbers. */
  readonly tried: string;
  /** The observation: why the rule held, or what broke. */
  readonly seen: string;
  /**
   * What somebody else waited for meanwhile. A wait above its bound breaks the rule in `npm run attack`. Tests leave it
   * out: a machine that is busy with other tests may take any time.
   */
  readonly waits?: readonly Wait[];
  /** Further measurements, each with its unit in the name or the value. */
  readonly figures?: Readonly<Record<string, string | number>>;
}

export interface Wait {
  readonly what: string;
  readonly ms: number;
  /** Bound that this machine would keep if nobody was harmed, ms. */
  readonly bound: number;
}

/** An attack: what it tries, the rule that must hold, and what it saw. */
import type { Scene, SceneOptions } from "./scene.ts";

export interface AttackScript {
  /** As the file is called. */
  readonly name: string;
  /** What must hold, as one sentence. */
  readonly rule: string;
  /** Runs in the test suite as well: it takes seconds, and holds. */
  readonly ci?: boolean;
  /** After this long the attack counts as one that did not hold, ms; two minutes unless given. */
  readonly limitMs?: number;
  run(context: AttackContext): Promise<Outcome>;
}

export interface AttackContext {
  /** Starts an edge of its own with one network. Everything in it ends with the script. */
  scene(options?: SceneOptions): Promise<Scene>;
}

export interface Outcome {
  readonly held: boolean;
  /** What was done, with numbers. */
  readonly tried: string;
  /** What was seen: why it held, or what broke. */
  readonly seen: string;
  /** Further measurements, each with its unit in the name or the value. */
  readonly figures?: Readonly<Record<string, string | number>>;
}

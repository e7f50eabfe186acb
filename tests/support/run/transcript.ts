/** What was typed where, and what came of it; printed in the end when FAIRLEAD_TALK is set to 1. */
import type { Cluster, Env, Outcome } from "../process/cluster.ts";

const WANTED = process.env.FAIRLEAD_TALK === "1";

export class Transcript {
  readonly #cluster: Cluster;
  readonly #lines: string[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** What the next commands are about. */
  heading(text: string): void {
    this.#lines.push("", `## ${text}`);
  }

  /** Something done or seen otherwise than by a command of `fairlead`. */
  note(place: string, command: string, output = ""): void {
    this.#lines.push("", `${place} $ ${command}`);
    if (output !== "") this.#lines.push(output);
  }

  /** Runs `fairlead ARGS…` as somebody at `place`, to its end. */
  async run(place: string, args: readonly string[], env: Env): Promise<Outcome> {
    const outcome = await this.#cluster.fairlead(args, env);
    this.note(
      place,
      `fairlead ${args.map(quoted).join(" ")}`,
      [outcome.stdout, outcome.stderr].join("\n").trim(),
    );
    if (outcome.status !== 0) this.#lines.push(`(exit status ${outcome.status})`);
    return outcome;
  }

  /** Everything so far, with file names as if the directory of the test were that of who types. */
  get text(): string {
    return this.#lines.join("\n").replaceAll(`${this.#cluster.directory}/`, "").trim();
  }

  print(): void {
    if (WANTED) console.log(this.text);
  }
}

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);

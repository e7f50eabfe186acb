/** Record of commands and their output, printed at the end when FAIRLEAD_TRANSCRIPT is set to 1. */
import type { Cluster, Env, Outcome } from "../process/cluster.ts";

const WANTED = process.env.FAIRLEAD_TRANSCRIPT === "1";

export class Transcript {
  readonly #cluster: Cluster;
  readonly #lines: string[] = [];

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Adds a heading for the next commands. */
  heading(text: string): void {
    this.#lines.push("", `## ${text}`);
  }

  /** Adds an action that is no command of `fairlead`. */
  note(place: string, command: string, output = ""): void {
    this.#lines.push("", `${place} $ ${command}`);
    if (output !== "") this.#lines.push(output);
  }

  /** Runs `fairlead ARGS…` at `place` until it exits. */
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

  /** The text so far, with file names relative to the directory of the test. */
  get text(): string {
    return this.#lines.join("\n").replaceAll(`${this.#cluster.directory}/`, "").trim();
  }

  print(): void {
    if (WANTED) console.log(this.text);
  }
}

const quoted = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`);

/** Runs commands of Fairlead, and shows each beside the command of Skupper for the same. */
import type { Cluster, Env } from "../../support/process/cluster.ts";
import type { Report, ShownCommand } from "../report.ts";

/** Columns of the prompt, such as `private1 $ `. */
const PROMPT = 11;

export interface CommandOptions {
  /** The command of Skupper for the same; none unless given. */
  readonly skupper?: string;
  /** Where the command of Skupper runs; the same place unless given. */
  readonly skupperAt?: string;
  /** The status with which the command must end; 0 unless given. */
  readonly status?: number;
  /** How many lines of its output are shown: the first or the last ones. All unless given. */
  readonly first?: number;
  readonly last?: number;
  readonly env?: Env;
}

export interface ShowOptions {
  readonly skupper?: string | undefined;
  readonly skupperAt?: string | undefined;
  readonly output?: string;
}

const promptOf = (place: string) => `${place} $ `.padEnd(PROMPT);

export class Shell {
  readonly #report: Report;
  readonly #cluster: Cluster;
  #commands: ShownCommand[] = [];
  /** Resolves when every command so far is shown. */
  #shown: Promise<void> = Promise.resolve();

  constructor(report: Report, cluster: Cluster) {
    this.#report = report;
    this.#cluster = cluster;
  }

  /** Returns the commands since the last call. */
  take(): ShownCommand[] {
    return this.#commands.splice(0);
  }

  /**
   * Runs `fairlead ARGS…` at a place. Commands that run at the same time are shown in the order of their calls.
   * @throws Error with its output when it ends with another status
   */
  async run(
    place: string,
    args: readonly string[],
    { skupper, skupperAt, status = 0, first, last, env = {} }: CommandOptions = {},
  ): Promise<string> {
    const before = this.#shown;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#shown = promise;
    try {
      const outcome = await this.#cluster.fairlead(args, env);
      const printed = this.#relative([outcome.stdout, outcome.stderr].join("\n").trim());
      const command = this.#relative(["fairlead", ...args].join(" "));
      if (outcome.status !== status)
        throw new Error(`${command} ended with status ${outcome.status}, not ${status}:\n${printed}`);
      await before;
      this.show(place, command, { skupper, skupperAt, output: excerpt(printed, first, last) });
      return outcome.stdout + outcome.stderr;
    } finally {
      resolve();
    }
  }

  /** Shows a command that runs by other means, such as one that keeps running. */
  show(place: string, fairlead: string, { skupper, skupperAt, output = "" }: ShowOptions = {}): void {
    if (skupper !== undefined) this.#report.command(`${promptOf(skupperAt ?? place)}${skupper}`, "dim");
    this.#report.command(`${promptOf(place)}${this.#relative(fairlead)}`, "bold");
    if (output !== "") this.#report.output(output, PROMPT + 2);
    this.#commands.push({ place, skupper: skupper ?? null, fairlead: this.#relative(fairlead), output });
  }

  /** Shows names of files in the demo's directory as a user in it types them. */
  #relative(text: string): string {
    return text.replaceAll(`${this.#cluster.directory}/`, "");
  }
}

/** The first or the last lines of a text, with the number of those that are left out. */
export function excerpt(text: string, first?: number, last?: number): string {
  const lines = text.split("\n");
  const left = lines.length - (first ?? last ?? lines.length);
  if (left <= 0) return text;
  const more = `… and ${left} more lines`;
  return (last === undefined ? [...lines.slice(0, first), more] : [more, ...lines.slice(-last)]).join("\n");
}

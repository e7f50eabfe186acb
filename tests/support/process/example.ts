/** An example of examples/ as a user runs it: a copy of its folder and the commands of its page. */
import { cp, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Cluster, FAIRLEAD, ROOT } from "./cluster.ts";
import type { Exit, ManagedProcess } from "./managed-process.ts";

/** Changes to the directory $0 and becomes the command. */
const IN_DIRECTORY = `cd "$0" && exec "$@"`;

const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  fairlead: [process.execPath, FAIRLEAD],
  node: [process.execPath],
};

export class Example {
  readonly directory: string;
  /** Lines of the page's `sh` blocks, in order. */
  readonly commands: readonly string[];
  readonly #cluster: Cluster;

  private constructor(cluster: Cluster, directory: string, page: string) {
    this.#cluster = cluster;
    this.directory = directory;
    this.commands = [...page.matchAll(/^```sh\n(.*?)^```/gms)].flatMap(([, block = ""]) =>
      block.trim().split("\n"),
    );
  }

  /**
   * Copies an example with other addresses, because several tests may run on this machine.
   * @throws Error when a text to replace is in no file
   */
  static async copy(
    cluster: Cluster,
    name: string,
    replacements: Readonly<Record<string, string | number>> = {},
  ): Promise<Example> {
    const directory = cluster.fresh(name);
    await mkdir(directory);
    await cp(join(ROOT, "examples", name), directory, { recursive: true });
    const unused = new Set(Object.keys(replacements));
    for (const file of await readdir(directory)) {
      let text = await readFile(join(directory, file), "utf8");
      for (const [from, to] of Object.entries(replacements)) {
        const pattern = new RegExp(`(?<![\\w.-])${from.replaceAll(".", "\\.")}(?![\\w-])`, "g");
        if (pattern.test(text)) unused.delete(from);
        text = text.replace(pattern, String(to));
      }
      await writeFile(join(directory, file), text);
    }
    if (unused.size > 0) throw new Error(`examples/${name} does not have: ${[...unused].join(", ")}`);
    return new Example(cluster, directory, await readFile(join(directory, "README.md"), "utf8"));
  }

  /** Returns the only command of the page with this text. @throws Error when there is none or several */
  command(text: string): string {
    const [command, ...others] = this.commands.filter((each) => each.includes(text));
    if (command === undefined || others.length > 0)
      throw new Error(`The page does not have exactly one command with "${text}".`);
    return command;
  }

  /** Starts a command of the page in the example's directory. */
  start(command: string): ManagedProcess {
    return this.startWords(command.split(" "));
  }

  startWords([program = "", ...args]: readonly string[]): ManagedProcess {
    const words = [...(PROGRAMS[program] ?? [program]), ...args];
    return this.#cluster.spawn({
      name: [program, ...args].slice(0, 3).join(" "),
      command: "/bin/sh",
      args: ["-c", IN_DIRECTORY, this.directory, ...words],
    });
  }

  /** Runs a command of the page until it exits. @throws Error with its output when its status is not 0 */
  async run(command: string): Promise<string> {
    return await this.runWords(command.split(" "));
  }

  async runWords(words: readonly string[]): Promise<string> {
    const started = this.startWords(words);
    const exit: Exit = await started.exited;
    if (exit.status !== 0) throw new Error(`${words.join(" ")}: ${started.lastLines(20).join("\n")}`);
    return started.stdout;
  }
}

/**
 * A systemd for a machine of a test: it starts and stops the units of /etc/systemd/system, keeps their output, and
 * gives them state directories and credentials. It does not confine them.
 */
import { createServer, type Server } from "node:net";
import { text } from "node:stream/consumers";
import * as z from "zod";
import type { Machine } from "./machine.ts";
import type { ManagedProcess } from "./managed-process.ts";

/** A client of the manager: it sends its words, prints the answer and exits with its status. */
const CLIENT = `
const socket = require("node:net").connect(process.argv[1]);
socket.end(JSON.stringify(process.argv.slice(2)));
let answer = "";
socket.on("data", (chunk) => { answer += chunk; });
socket.on("close", () => {
  const { status, output } = JSON.parse(answer);
  process.stdout.write(output);
  process.exitCode = status;
});`;

const Words = z.array(z.string());

interface Answer {
  readonly status: number;
  readonly output: string;
}

export class ServiceManager {
  readonly #machine: Machine;
  readonly #server: Server;
  readonly #running = new Map<string, ManagedProcess>();

  private constructor(machine: Machine) {
    this.#machine = machine;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      void text(socket)
        .then(async (sent) => this.#answer(Words.parse(JSON.parse(sent))))
        .catch((error: unknown): Answer => ({ status: 1, output: `${String(error)}\n` }))
        .then((answer) => socket.end(JSON.stringify(answer)));
    });
  }

  /** Gives a machine the programs systemctl and journalctl. */
  static async start(machine: Machine): Promise<ServiceManager> {
    const manager = new ServiceManager(machine);
    const path = `${machine.directory}/../systemd`;
    await new Promise<void>((resolve) => manager.#server.listen(path, resolve));
    for (const name of ["systemctl", "journalctl"])
      await machine.program(name, `exec '${process.execPath}' -e '${CLIENT}' '${path}' ${name} "$@"`);
    return manager;
  }

  /** The output of a unit since its last start. */
  journal(name: string): string {
    return this.#running.get(name)?.lastLines(1000).join("\n") ?? "";
  }

  close(): void {
    this.#server.close();
  }

  async #answer([program, ...words]: readonly string[]): Promise<Answer> {
    const [verb = ""] = words;
    const name = (words.at(-1) ?? "").replace(/\.service$/, "");
    if (program === "journalctl") return { status: 0, output: `${this.journal(name)}\n` };
    if (verb === "restart" || verb === "disable") await this.#running.get(name)?.stop();
    if (verb === "restart") this.#running.set(name, await this.#start(name));
    const known = ["daemon-reload", "enable", "restart", "disable"].includes(verb);
    return known ? { status: 0, output: "" } : { status: 1, output: `There is no systemctl ${verb} here.\n` };
  }

  async #start(name: string): Promise<ManagedProcess> {
    const unit = await this.#machine.run(`cat /etc/systemd/system/${name}.service`);
    const all = (key: string) =>
      [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
    const credentials = `/run/credentials/${name}`;
    const block = [
      `mkdir -p ${credentials} ${all("StateDirectory")
        .map((each) => `/var/lib/${each}`)
        .join(" ")}`,
      ...all("LoadCredential").map(
        (each) => `cp ${each.slice(each.indexOf(":") + 1)} ${credentials}/${each.split(":")[0]}`,
      ),
      `export CREDENTIALS_DIRECTORY=${credentials} ${all("Environment").join(" ")}`,
      ...all("ExecStart"),
    ].join("\n");
    return this.#machine.start(block);
  }
}

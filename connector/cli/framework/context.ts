/** The context of a command: its input and output, its login, and its client of the edge. */
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import type { EdgeClient } from "../../net/edge-client.ts";
import type { Login } from "../../operator/login/login.ts";
import { EXIT } from "./exit.ts";
import type { Io } from "./io.ts";
import { Printer } from "./printer.ts";
import { Progress } from "./progress.ts";

export class Context {
  readonly io: Io;
  readonly json: boolean;
  /** Prints the answer for people, on stdout. */
  readonly out: Printer;
  /** Prints everything but the answer for people, on stderr. */
  readonly aside: Printer;
  /** Says what the command waits for, on a terminal. */
  readonly progress: Progress;
  /** Exit code of a command that did its work. */
  exitCode: number = EXIT.ok;
  #login: Login | undefined;
  #edge: EdgeClient | undefined;

  constructor(io: Io, json: boolean) {
    this.io = io;
    this.json = json;
    this.out = new Printer(io.stdout, io.env);
    this.aside = new Printer(io.stderr, io.env);
    this.progress = new Progress(json || !io.stderr.isTTY ? null : (line) => this.aside.line(line));
  }

  /** Prints the answer of a command: `document` as JSON with --json, else whatever `human` prints. */
  answer(document: unknown, human: (out: Printer) => void): void {
    // JSON escapes control characters in its strings, so the text is written as it is.
    if (this.json) this.out.raw(`${JSON.stringify(document, null, 2)}\n`);
    else human(this.out);
  }

  /**
   * Prints an answer with a secret that is shown once.
   * @param undo the command that withdraws the secret, for the error
   * @throws FairleadError `output.failed` that names `undo`, if the secret cannot be written
   */
  answerSecret(document: unknown, human: (out: Printer) => void, undo: string): void {
    try {
      this.answer(document, human);
    } catch (thrown) {
      if (!(thrown instanceof FairleadError) || thrown.code !== "output.failed") throw thrown;
      const message = `${thrown.message} The secret was created, and is lost. \`${undo}\` withdraws it.`;
      const action = `Free space where the output goes, run \`${undo}\`, and create the secret again.`;
      throw new FairleadError("output.failed", message, { cause: thrown, action });
    }
  }

  /** The login of this command. @throws FairleadError `edge.not_logged_in` */
  async login(): Promise<Login> {
    const { resolveLogin } = await import("../../operator/login/login.ts");
    this.#login ??= await resolveLogin(this.io.env);
    return this.#login;
  }

  /** The client of the login's edge. @throws FairleadError `edge.not_logged_in` */
  async edge(): Promise<EdgeClient> {
    if (this.#edge === undefined) {
      const [{ EdgeClient }, login] = await Promise.all([import("../../net/edge-client.ts"), this.login()]);
      this.#edge = new EdgeClient({ ...login, waiting: this.progress.during });
    }
    return this.#edge;
  }

  /**
   * The network of the command: the named network, the network of FAIRLEAD_NETWORK, the stored network, or the only
   * network.
   * @throws FairleadError `network.unknown` without a network, `request.invalid` if the choice is ambiguous.
   */
  async network(named: string | undefined): Promise<string> {
    const chosen = named ?? (this.io.env.FAIRLEAD_NETWORK || (await this.login()).network);
    if (chosen !== undefined) return chosen;
    const { listNetworks } = await import("../../operator/edge-api.ts");
    const networks = await listNetworks(await this.edge());
    const [only, ...others] = networks;
    if (only === undefined) {
      throw new FairleadError("network.unknown", "There is no network yet, or your key may see none.", {
        action: "Create a network with `fairlead network create NAME`, or log in with a key for a network.",
      });
    }
    if (others.length === 0) return only.name;
    const names = networks.map((network) => network.name).join(", ");
    throw new FairleadError("request.invalid", `There are several networks: ${names}.`, {
      action: "Name one with --network or FAIRLEAD_NETWORK, or choose one with `fairlead network use NAME`.",
    });
  }

  /** Closes the client that the command opened. */
  async close(): Promise<void> {
    await this.#edge?.close();
  }
}

/** The default home of state directories: `<XDG_STATE_HOME or ~/.local/state>/fairlead`. */
export async function stateHome(io: Io): Promise<string> {
  const { homedir } = await import("node:os");
  const base = io.env.XDG_STATE_HOME || join(io.env.HOME || homedir(), ".local", "state");
  return join(base, "fairlead");
}

/**
 * The state directory of the site on this machine: --state, FAIRLEAD_STATE, or the only directory in the default home.
 * @throws FairleadError `connector.unreachable` without a state directory, or if the choice is ambiguous.
 */
export async function siteState(io: Io, named: string | undefined): Promise<string> {
  const given = named ?? (io.env.FAIRLEAD_STATE || undefined);
  if (given !== undefined) return given;
  const { readdir } = await import("node:fs/promises");
  const home = join(await stateHome(io), "sites");
  const { withoutForeign } = await import("../../state/foreign-entries.ts");
  const sites = withoutForeign(await readdir(home).catch(() => []));
  const [only, ...others] = sites;
  if (only !== undefined && others.length === 0) return join(home, only);
  if (only !== undefined) {
    throw new FairleadError(
      "connector.unreachable",
      `There are several sites on this machine (${sites.join(", ")}), in ${home}.`,
      { action: "Name the state directory of one with --state or FAIRLEAD_STATE." },
    );
  }
  throw new FairleadError(
    "connector.unreachable",
    `There is no site of this user on this machine, in ${home}.`,
    {
      action:
        "Run the command where the connector of a site runs, as its user; --state or FAIRLEAD_STATE names another state directory. `fairlead connector run` starts a connector.",
    },
  );
}

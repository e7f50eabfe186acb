/** What a handler gets besides its input: where to print, and the edge or the connector to talk to. */
import { join } from "node:path";
import { FairleadError } from "../../../protocol/errors.ts";
import type { EdgeClient } from "../../net/edge-client.ts";
import type { Login } from "../../operator/login/login.ts";
import type { Io } from "./io.ts";
import { Printer } from "./printer.ts";

export class Context {
  readonly io: Io;
  readonly json: boolean;
  /** For people, on stdout. */
  readonly out: Printer;
  /** For people, on stderr: what is not the answer. */
  readonly aside: Printer;
  #login: Login | undefined;
  #edge: EdgeClient | undefined;

  constructor(io: Io, json: boolean) {
    this.io = io;
    this.json = json;
    this.out = new Printer(io.stdout, io.env);
    this.aside = new Printer(io.stderr, io.env);
  }

  /** Prints the answer of a command: `document` as JSON with --json, else whatever `human` prints. */
  answer(document: unknown, human: (out: Printer) => void): void {
    // JSON escapes what is in its strings; its lines are its own.
    if (this.json) this.out.raw(`${JSON.stringify(document, null, 2)}\n`);
    else human(this.out);
  }

  /** Who we are to the edge. @throws FairleadError `edge.not_logged_in` */
  async login(): Promise<Login> {
    const { resolveLogin } = await import("../../operator/login/login.ts");
    this.#login ??= await resolveLogin(this.io.env);
    return this.#login;
  }

  /** The edge we are logged in to. @throws FairleadError `edge.not_logged_in` */
  async edge(): Promise<EdgeClient> {
    if (this.#edge === undefined) {
      const [{ EdgeClient }, login] = await Promise.all([import("../../net/edge-client.ts"), this.login()]);
      this.#edge = new EdgeClient(login);
    }
    return this.#edge;
  }

  /**
   * The network a command means: the one named, that of FAIRLEAD_NETWORK, the stored one, or the only one.
   * @throws FairleadError `network.unknown` when there is none, `request.invalid` when it is not clear which.
   */
  async network(named: string | undefined): Promise<string> {
    const chosen = named ?? (this.io.env.FAIRLEAD_NETWORK || (await this.login()).network);
    if (chosen !== undefined) return chosen;
    const { listNetworks } = await import("../../operator/edge-api.ts");
    const networks = await listNetworks(await this.edge());
    const [only, ...others] = networks;
    if (only === undefined) {
      throw new FairleadError("network.unknown", "there is no network yet, or your key may see none");
    }
    if (others.length === 0) return only.name;
    const names = networks.map((network) => network.name).join(", ");
    throw new FairleadError(
      "request.invalid",
      `there are several networks (${names}): name one with --network, FAIRLEAD_NETWORK or \`fairlead network use\``,
    );
  }

  /** Closes what the command opened. */
  async close(): Promise<void> {
    await this.#edge?.close();
  }
}

/** Where state is kept unless --state says otherwise: `<XDG_STATE_HOME or ~/.local/state>/fairlead`. */
export async function stateHome(io: Io): Promise<string> {
  const { homedir } = await import("node:os");
  const base = io.env.XDG_STATE_HOME || join(io.env.HOME || homedir(), ".local", "state");
  return join(base, "fairlead");
}

/**
 * The state directory of the site on this machine: --state, FAIRLEAD_STATE, or the only one in its usual place.
 * @throws FairleadError `connector.unreachable` when there is none or it is not clear which.
 */
export async function siteState(io: Io, named: string | undefined): Promise<string> {
  const given = named ?? (io.env.FAIRLEAD_STATE || undefined);
  if (given !== undefined) return given;
  const { readdir } = await import("node:fs/promises");
  const home = join(await stateHome(io), "sites");
  const sites = await readdir(home).catch(() => []);
  const [only, ...others] = sites;
  if (only !== undefined && others.length === 0) return join(home, only);
  throw new FairleadError(
    "connector.unreachable",
    only === undefined
      ? "no site is known on this machine"
      : `several sites are known on this machine (${sites.join(", ")}), in ${home}`,
  );
}

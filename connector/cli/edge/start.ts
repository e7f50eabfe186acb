import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ConsoleMode, UserName } from "../../../protocol/api/console.ts";
import { asFairleadError } from "../../../protocol/errors.ts";
import { aborted } from "../../async/abort.ts";
import { formatAddress } from "../../edge/addresses/addresses.ts";
import type { EmbeddedEdgeOptions, Move, RunningConsole } from "../../edge/embedded-edge.ts";
import {
  DEFAULT_LOG_LEVELS,
  EDGE_LOG_PARTS,
  logLevelsHelp,
  parseEdgeLogLevels,
  partLog,
} from "../../log-levels.ts";
import { checkPassword } from "../framework/console-password.ts";
import { stateHome } from "../framework/context.ts";
import { command, flag, value, valueOr } from "../framework/definition.ts";
import type { Io } from "../framework/io.ts";
import { makeLog } from "../framework/log.ts";
import type { Printer } from "../framework/printer.ts";
import { readSecretText } from "../framework/secret-input.ts";
import { accepting, hostPort, hostPortOr, oneOf, someText } from "../framework/values.ts";
import { startCommand } from "./options.ts";

export const edgeStart = command({
  path: ["edge", "start"],
  summary: "Run the whole edge on this machine, in the foreground.",
  details:
    "The first start creates the deployment CA and the first admin key. The edge keeps everything in its state directory and starts again from it, at the addresses of its last start. Tokens and sites contain its addresses: a start at others warns, and names the sites that know the former ones. The edge still accepts those, where a name or a forwarded port leads from there to it. It stores a login on this machine, so that the other commands work at once.",
  options: {
    state: value(
      "--state <DIR>",
      "State directory. The default is `fairlead/edge` in XDG_STATE_HOME or ~/.local/state.",
      someText,
    ),
    api: value(
      "--api <HOST:PORT>",
      "Address of the API, for people and joining sites. The default is that of the last start, 127.0.0.1:8443 at the first.",
      hostPort,
    ),
    gateway: value(
      "--gateway <HOST:PORT>",
      "Address that connectors dial. The default is that of the last start, 127.0.0.1:8444 at the first.",
      hostPort,
    ),
    lanes: value(
      "--lanes <HOST:PORT|off>",
      "Address where workerd itself takes lanes; `off` sends lanes to the gateway. The default is the gateway's host and the port after the gateway's; without --gateway, that of the last start.",
      hostPortOr("off"),
    ),
    hostname: value(
      "--hostname <NAME>",
      "Name or address by which sites reach this machine. Required when sites run on other machines. The default is that of the last start.",
      someText,
    ),
    door: value(
      "--door <HOST:PORT|off>",
      "Address of the public door, for clients of services that are published by hostnames; `off` closes it. The default is the door of the last start, none at the first.",
      hostPortOr("off"),
    ),
    doorCertificate: value(
      "--door-certificate <FILE>",
      "PEM file with the certificate chain of the door's hostnames. The default is that of the last start where --door is not given either, else a certificate of the deployment CA, which browsers do not trust.",
      someText,
    ),
    doorKey: value("--door-key <FILE>", "PEM file with the private key of --door-certificate.", someText),
    doorPlain: flag("--door-plain", "Serve plain HTTP at the door, behind a proxy that ends TLS."),
    oidc: value(
      "--oidc <FILE>",
      "YAML file that names the identity provider whose tokens the API accepts, and the role that each claim gives.",
      someText,
    ),
    console: value(
      "--console <MODE>",
      "How people sign in at the console: `internal` by user and password, `oidc` at the provider of --oidc, `unsecured` not at all and on this machine alone; `none` serves none. `fairlead console` signs in without a password. The default is that of the last start, `internal` without a user at the first.",
      oneOf(...ConsoleMode.options),
    ),
    consoleListen: value(
      "--console-listen <HOST:PORT|off>",
      "Address on loopback where the console is served over plain HTTP, beside the API's address; `off` for none. The default is that of the last start, 127.0.0.1:8442 or a free port at the first.",
      hostPortOr("off"),
    ),
    consoleUser: value(
      "--console-user <NAME>",
      "User of the console with the role admin, who is created unless the user exists. The default is `admin` where --console is `internal` and there is no user yet.",
      accepting(UserName),
    ),
    consolePasswordFile: value(
      "--console-password-file <FILE>",
      "File whose first line is the password of --console-user. Without it, a password is made for a new user and shown once.",
      someText,
    ),
    login: flag("--no-login", "Do not store a login on this machine."),
    logLevel: valueOr(
      "--log-level <LEVELS>",
      logLevelsHelp(EDGE_LOG_PARTS),
      parseEdgeLogLevels,
      DEFAULT_LOG_LEVELS,
      "info",
    ),
  },
  examples: [
    { command: "fairlead edge start", says: "Runs an edge for this machine alone, to try things out." },
    {
      command: "fairlead edge start --api 0.0.0.0:443 --gateway 0.0.0.0:8444 --hostname edge.example",
      says: "Runs an edge that sites on other machines reach as edge.example.",
    },
    {
      command: "fairlead edge start --door 0.0.0.0:443 --door-certificate shop.pem --door-key shop.key",
      says: "Also serves the hostnames by which connectors publish services.",
    },
    {
      command: "fairlead edge start --oidc oidc.yaml",
      says: "Also accepts identity tokens of the provider in oidc.yaml; see docs/operations.md.",
    },
    {
      command: "fairlead edge start --console internal --console-user anna",
      says: "Also makes a user of the console, and shows the password once.",
    },
  ],
  async run(context, input) {
    const { io } = context;
    const { EmbeddedEdge } = await import("../../edge/embedded-edge.ts");
    const password = await readPassword(io, input);
    const oidc = input.oidc === undefined ? undefined : await readOidc(input.oidc);
    const interrupted = io.untilInterrupted();
    io.dropFailedOutput();
    const log = await makeLog({ io, output: io.stderr, level: input.logLevel, json: context.json });
    const state = input.state ?? join(await stateHome(io), "edge");
    const edge = new EmbeddedEdge({
      state,
      api: input.api,
      gateway: input.gateway,
      lanes: input.lanes,
      door: doorOptions(input),
      hostname: input.hostname,
      console: { mode: input.console, listen: input.consoleListen },
      oidc,
      log: partLog(log, "edge"),
    });
    try {
      const at = await context.progress.during("The edge starts.", () => edge.start());
      const login = input.login ? await storeLogin(io.env, at) : { hint: "Next: `fairlead login`" };
      const file = "file" in login ? login.file : undefined;
      const user = await makeUser(input, password, at);
      const former = at.former.filter(({ api, links }) => api !== at.apiUrl || links !== at.gatewayUrl);
      context.answer(
        {
          api: at.apiUrl,
          gateway: at.gatewayUrl,
          lanes: at.lanes?.port ?? null,
          door: at.door === null ? null : formatAddress(at.door),
          console: { ...at.console, user: user === null || "hint" in user ? null : user },
          ca: at.caFile,
          adminKey: at.adminKeyFile,
          login: file ?? null,
          former: former.map((each) => ({ api: each.api, gateway: each.links })),
          moved: at.moved && {
            from: { api: at.moved.from.api, gateway: at.moved.from.links },
            sites: at.moved.sites,
            keep: formerCommand(at.moved, state),
          },
        },
        (out) => {
          out.line("The edge runs. Ctrl-C stops it.");
          out.details([
            ["API", at.apiUrl],
            ["gateway", at.gatewayUrl],
            ["lanes", at.lanes === null ? undefined : `port ${at.lanes.port}`],
            ["door", at.door === null ? undefined : formatAddress(at.door)],
            ["console", at.console.url ?? undefined],
            ["deployment CA", at.caFile],
            ["admin key", at.adminKeyFile],
            ["login", file],
            ["also known as", former.map((each) => each.api).join(", ")],
          ]);
          if (user !== null) printUser(out, user);
          if (at.console.url !== null && at.console.mode !== "unsecured" && file !== undefined) {
            out.line("`fairlead console` opens the console signed in.");
          }
          if (at.moved !== null) printMove(out, at.moved, state);
          out.line("hint" in login ? login.hint : "Next: `fairlead network create shop`");
        },
      );
      await aborted(interrupted);
    } finally {
      await edge.stop();
    }
  },
});

/** A user of the console that this start made, or the sentence that says how to make one. */
type UserOutcome =
  | { readonly name: string /** Null for a password from a file. */; readonly password: string | null }
  | { readonly hint: string };

interface UserOptions {
  readonly console: ConsoleMode | undefined;
  readonly consoleUser: string | undefined;
  readonly consolePasswordFile: string | undefined;
}

/** The password of --console-password-file; undefined without it. @throws FairleadError file.unreadable, request.invalid */
async function readPassword(io: Io, { consolePasswordFile: file }: UserOptions): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const from = "Its first line is the password of the console's user.";
  const text = await readSecretText(io, file, "--console-password-file", from);
  return checkPassword(text.split(/\r?\n/, 1)[0] ?? "", "--console-password-file");
}

/** Makes the user of the console that the options ask for; null where they ask for none. */
async function makeUser(
  { console: mode, consoleUser, consolePasswordFile }: UserOptions,
  given: string | undefined,
  at: { apiUrl: string; caFile: string; adminKeyFile: string; console: RunningConsole },
): Promise<UserOutcome | null> {
  const isAsked = mode === "internal" || consoleUser !== undefined || consolePasswordFile !== undefined;
  if (!isAsked || at.console.mode !== "internal") return null;
  const name = consoleUser ?? "admin";
  const key = (await readFile(at.adminKeyFile, "utf8").catch(() => "")).trim();
  const hint = `\`fairlead console user set ${name} --role admin\` makes a user of the console.`;
  if (key === "") return { hint };
  const [{ EdgeClient }, { listConsoleUsers, setConsoleUser }, { randomBytes }] = await Promise.all([
    import("../../net/edge-client.ts"),
    import("../../operator/edge-api.ts"),
    import("node:crypto"),
  ]);
  const edge = new EdgeClient({ url: at.apiUrl, key, ca: await readFile(at.caFile, "utf8") });
  try {
    const users = await listConsoleUsers(edge);
    const isKnown = consoleUser === undefined ? users.length > 0 : users.some((user) => user.name === name);
    if (given === undefined && isKnown) return null;
    const password = given ?? randomBytes(15).toString("base64url");
    await setConsoleUser(edge, name, { password, role: "admin", networks: null });
    return isKnown ? null : { name, password: given === undefined ? password : null };
  } catch (thrown) {
    return { hint: `${asFairleadError(thrown, "cli.internal").message} ${hint}` };
  } finally {
    await edge.close();
  }
}

function printUser(out: Printer, user: UserOutcome): void {
  if ("hint" in user) {
    out.line(user.hint);
  } else if (user.password === null) {
    out.line(`The console has a user ${user.name}, with the password of the file.`);
  } else {
    out.line(`The console has a user ${user.name}. The password is not shown again:`);
    out.line();
    out.verbatim(`  ${user.password}`);
    out.line();
  }
}

/** Most sites that the warning of a move names. */
const MAX_SITES = 10;

/** Says what other addresses than those of the last start do to sites, and what to do. */
function printMove(out: Printer, move: Move, state: string): void {
  const { from, to, sites } = move;
  const more = sites.length > MAX_SITES ? ` and ${sites.length - MAX_SITES} more` : "";
  const who = sites.length === 0 ? "tokens made before" : `${sites.slice(0, MAX_SITES).join(", ")}${more}`;
  out.line();
  out.line(out.paint("yellow", "warning: this edge has other addresses than at its last start."));
  out.line(`It was at ${from.api}, with the gateway ${from.links}. Known there: ${who}.`);
  out.line("They reach the edge only where those addresses still lead to it.");
  out.line("To keep the former addresses, start it with:");
  out.command(formerCommand(move, state));
  out.line("To move a site to the new address, run at the site:");
  out.command(`fairlead site move ${to.api}`);
  out.line();
}

/** The command that starts the edge at its former addresses. */
function formerCommand({ from, keep }: Move, state: string): string {
  if (keep === null) return startCommand(state, { api: from.api, gateway: from.links });
  return ["fairlead edge start", `--state ${state}`, ...keep].join(" ");
}

/** The options of the door. Their paths are absolute, since later starts may have another working directory. */
function doorOptions(input: {
  door: string | undefined;
  doorCertificate: string | undefined;
  doorKey: string | undefined;
  doorPlain: boolean;
}): EmbeddedEdgeOptions["door"] {
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(path));
  return {
    address: input.door,
    certificateFile: absolute(input.doorCertificate),
    keyFile: absolute(input.doorKey),
    plain: input.doorPlain,
  };
}

async function readOidc(path: string) {
  const { readOidcFile } = await import("../../edge/workerd/oidc-file.ts");
  return await readOidcFile(path);
}

/** What became of the login: its file, or the sentence that says how to log in. */
type LoginOutcome = { readonly file: string } | { readonly hint: string };

/**
 * Stores a login with the admin key, and keeps a chosen network. The login of another edge is never replaced. A login
 * that cannot be written does not stop the edge.
 */
async function storeLogin(
  env: Readonly<Record<string, string | undefined>>,
  at: { apiUrl: string; caFile: string; adminKeyFile: string },
): Promise<LoginOutcome> {
  const { loginFile, readLogin, writeLogin } = await import("../../operator/login/stored-login.ts");
  const how = `\`fairlead login ${at.apiUrl} --key-file ${at.adminKeyFile} --ca ${at.caFile}\` logs in.`;
  // An operator may have moved the admin key.
  const key = (await readFile(at.adminKeyFile, "utf8").catch(() => "")).trim();
  if (key === "") return { hint: `${at.adminKeyFile} has no key. \`fairlead login ${at.apiUrl}\` logs in.` };
  const ca = await readFile(at.caFile, "utf8");
  try {
    const before = await readLogin(env);
    if (before !== null && before.ca !== ca && before.key !== key) {
      return { hint: `The login of ${before.url} in ${loginFile(env)} is kept. ${how}` };
    }
    return { file: await writeLogin(env, { ...before, url: at.apiUrl, oidc: undefined, key, ca }) };
  } catch (thrown) {
    return { hint: `${asFairleadError(thrown, "cli.internal").message} ${how}` };
  }
}

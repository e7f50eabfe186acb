import { UserName } from "../../../protocol/api/console.ts";
import { Role } from "../../../protocol/api/keys.ts";
import { FairleadError } from "../../../protocol/errors.ts";
import { checkPassword } from "../framework/console-password.ts";
import type { Context } from "../framework/context.ts";
import { argument, command, value, valueOr, values } from "../framework/definition.ts";
import { relativeTime } from "../framework/duration.ts";
import { readSecretText } from "../framework/secret-input.ts";
import { accepting, oneOf, someText } from "../framework/values.ts";

const name = argument("NAME", "Name of the user: a-z 0-9 . _ @ -.", accepting(UserName));

export const consoleUserSet = command({
  path: ["console", "user", "set"],
  summary: "Create a user of the console, or set the password and the role of one.",
  details:
    "Users sign in where the console's mode is `internal`. The command asks for the password. A change ends the user's sessions.",
  arguments: { name },
  options: {
    role: valueOr(
      "--role <ROLE>",
      "Role of the user: admin, operator or viewer.",
      oneOf(...Role.options),
      "viewer",
      "viewer",
    ),
    networks: values("--network <NAME>", "Network of the user. The default is every network.", someText),
    passwordFile: value(
      "--password-file <FILE>",
      "File whose first line is the password. `-` is standard input.",
      someText,
    ),
  },
  examples: [
    { command: "fairlead console user set anna --role admin", says: "Asks for a password of anna." },
    {
      command: "fairlead console user set ci --network shop --password-file ci.txt",
      says: "Makes a user who may read the network shop.",
    },
  ],
  async run(context, { name, role, networks, passwordFile }) {
    const password = await passwordFor(context, passwordFile);
    const { setConsoleUser } = await import("../../operator/edge-api.ts");
    const grant = { role, networks: networks.length === 0 ? null : [...networks] };
    const user = await setConsoleUser(await context.edge(), name, { password, ...grant });
    context.answer(user, (out) => out.line(`User "${user.name}" of the console is set (${user.role}).`));
  },
});

export const consoleUserList = command({
  path: ["console", "user", "list"],
  summary: "List the users of the console.",
  examples: [{ command: "fairlead console user list", says: "Lists the users, with their roles." }],
  async run(context) {
    const { listConsoleUsers, listNetworks } = await import("../../operator/edge-api.ts");
    const edge = await context.edge();
    const users = await listConsoleUsers(edge);
    const isLimited = users.some(({ networks }) => networks !== null);
    const names = new Map((isLimited ? await listNetworks(edge) : []).map(({ id, name }) => [id, name]));
    const now = context.io.now();
    context.answer(users, (out) => {
      if (users.length === 0) {
        out.line("The console has no users. `fairlead console user set NAME` makes one.");
        return;
      }
      out.table(
        ["NAME", "ROLE", "NETWORKS", "CREATED"],
        users.map((user) => [
          user.name,
          user.role,
          user.networks === null ? "all" : user.networks.map((id) => names.get(id) ?? id).join(", "),
          relativeTime(user.createdAt, now),
        ]),
      );
    });
  },
});

export const consoleUserRemove = command({
  path: ["console", "user", "remove"],
  summary: "Remove a user of the console, and end the user's sessions.",
  arguments: { name },
  examples: [{ command: "fairlead console user remove anna", says: "Removes anna." }],
  async run(context, { name }) {
    const { removeConsoleUser } = await import("../../operator/edge-api.ts");
    const user = await removeConsoleUser(await context.edge(), name);
    context.answer(user, (out) => out.line(`User "${user.name}" of the console is removed.`));
  },
});

/** The password in a file, or as the user types it twice. @throws FairleadError file.unreadable, request.invalid */
async function passwordFor({ io }: Context, file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const from = "Its first line is the password, of at least 12 characters.";
    const text = await readSecretText(io, file, "--password-file", from);
    return checkPassword(text.split(/\r?\n/, 1)[0] ?? "", "--password-file");
  }
  if (!io.interactive) {
    throw new FairleadError("request.invalid", "The command cannot ask for the password here.", {
      action: "Give --password-file FILE, or --password-file - to read it from standard input.",
    });
  }
  const password = checkPassword(await io.ask("Password: ", { hidden: true }), "The password");
  if ((await io.ask("Again: ", { hidden: true })) === password) return password;
  throw new FairleadError("request.invalid", "The two passwords differ.", {
    action: "Run the command again.",
  });
}

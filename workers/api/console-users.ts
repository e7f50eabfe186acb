/** The users of the console, who sign in with a password. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ConsoleUser, SetConsoleUser, UserName } from "../../protocol/api/console.ts";
import { FairleadError } from "../../protocol/errors.ts";
import { hashPassword, verifyPassword } from "../console/password.ts";
import { openConsole } from "../console/stub.ts";
import { unwrap } from "../result.ts";
import { type Api, type ApiEnv, body, responses } from "./context.ts";
import { networkIds } from "./keys.ts";
import { routeAccess } from "./route-access.ts";

const tags = ["console"];
const UserParam = z.object({ user: UserName });

const list = createRoute({
  ...routeAccess("get", "/v1/console-users"),
  summary: "List the users of the console",
  tags,
  responses: responses(200, z.array(ConsoleUser), "The users, by name."),
});

const set = createRoute({
  ...routeAccess("put", "/v1/console-users/{user}"),
  summary: "Create a user of the console, or set the password and the role of one",
  tags,
  request: { params: UserParam, body: body(SetConsoleUser) },
  responses: responses(200, ConsoleUser, "The user. Its sessions have ended, unless nothing was changed."),
});

const remove = createRoute({
  ...routeAccess("delete", "/v1/console-users/{user}"),
  summary: "Remove a user of the console",
  tags,
  request: { params: UserParam },
  responses: responses(200, ConsoleUser, "The removed user."),
});

export function addConsoleUsers(api: Api): void {
  api.openapi(list, async (c) => c.json(await consoleOf(c).users(), 200));

  api.openapi(set, async (c) => {
    const { user } = c.req.valid("param");
    const { password, role, networks } = c.req.valid("json");
    if (role === "admin" && networks !== null) {
      throw new FairleadError("request.invalid", "body.networks: the role admin is for all networks.");
    }
    const grant = { role, networks: networks === null ? null : await networkIds(c, networks) };
    const before = await consoleOf(c).user(user);
    const isSame = JSON.stringify(before?.grant) === JSON.stringify(grant);
    // What sets the same password at each of its starts ends no sessions.
    if (before !== null && isSame && (await verifyPassword(password, before.password))) {
      const known = (await consoleOf(c).users()).find(({ name }) => name === user);
      if (known !== undefined) return c.json(known, 200);
    }
    const made = await consoleOf(c).setUser(user, grant, await hashPassword(password));
    await note(c, `User ${user} of the console was ${before === null ? "created" : "changed"}: ${role}.`);
    return c.json(made, 200);
  });

  api.openapi(remove, async (c) => {
    const { user } = c.req.valid("param");
    const removed = unwrap(await consoleOf(c).removeUser(user));
    await note(c, `User ${user} of the console was removed.`);
    return c.json(removed, 200);
  });
}

const consoleOf = (c: Context<ApiEnv>) => openConsole(c.var.config.objects.console);

async function note(c: Context<ApiEnv>, text: string): Promise<void> {
  await c.var.directory.noteConsoleUser(text, c.var.caller.name);
}

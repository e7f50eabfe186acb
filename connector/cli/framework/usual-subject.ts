/** What a command on a machine is about unless it is told: the state directory and the login of this machine. */
import { FairleadError } from "../../../protocol/errors.ts";
import type { Login } from "../../operator/login/login.ts";
import { type Context, siteState, stateHome } from "./context.ts";
import type { Io } from "./io.ts";

/** The named directory, that of the only site, or that of the edge; undefined if there is none. */
export async function usualDirectory(io: Io, named: string | undefined): Promise<string | undefined> {
  if (named !== undefined) return named;
  const site = await siteState(io, undefined).catch(() => undefined);
  if (site !== undefined) return site;
  const { join } = await import("node:path");
  const { access } = await import("node:fs/promises");
  const edge = join(await stateHome(io), "edge");
  return await access(edge).then(
    () => edge,
    () => undefined,
  );
}

/** The login; null for none, and the error when it cannot be used. */
export async function foundLogin(context: Context): Promise<Login | FairleadError | null> {
  const { readLogin } = await import("../../operator/login/stored-login.ts");
  try {
    const { env } = context.io;
    const isGiven = Boolean(env.FAIRLEAD_URL || env.FAIRLEAD_KEY || env.FAIRLEAD_OIDC);
    if (!isGiven && (await readLogin(env)) === null) return null;
    return await context.login();
  } catch (thrown) {
    if (thrown instanceof FairleadError) return thrown;
    throw thrown;
  }
}

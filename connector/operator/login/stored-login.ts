/**
 * The stored login: the edge's URL and a credential, in `~/.config/fairlead/login.json` (mode 0600).
 * XDG_CONFIG_HOME moves it, and FAIRLEAD_CONFIG names another file.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import * as z from "zod";
import { FairleadError } from "../../../protocol/errors.ts";
import { EdgeOrigin } from "../../../protocol/front/edge-origin.ts";
import { NetworkName } from "../../../protocol/names.ts";
import { reasonOf } from "../../files/file-errors.ts";
import { DraftFile } from "../../state/draft-file.ts";
import { errnoOf } from "../../state/errors.ts";
import { makeDirectory } from "../../state/make-directory.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export const StoredLogin = z.object({
  /** URL of the API. */
  url: EdgeOrigin,
  /** API key, or an identity token. */
  key: z.string().min(1).optional(),
  /** Path of a file with an identity token; used without a key. */
  oidc: z.string().min(1).optional(),
  /** The only trusted CA, PEM; the system's roots unless given. */
  ca: z.string().optional(),
  /** The network of commands that name none. */
  network: NetworkName.optional(),
});
export type StoredLogin = z.infer<typeof StoredLogin>;

/** Path of the login's file. @throws FairleadError edge.not_logged_in when the user has no home directory */
export function loginFile(env: Environment): string {
  if (env.FAIRLEAD_CONFIG) return env.FAIRLEAD_CONFIG;
  return join(env.XDG_CONFIG_HOME || join(env.HOME || home(), ".config"), "fairlead", "login.json");
}

function home(): string {
  try {
    return homedir();
  } catch (thrown) {
    throw new FairleadError(
      "edge.not_logged_in",
      "The user has no home directory, in which the login is stored.",
      { cause: thrown, action: "Set HOME, FAIRLEAD_CONFIG, or FAIRLEAD_URL with FAIRLEAD_KEY." },
    );
  }
}

/**
 * Reads the stored login; null when there is none.
 * @throws FairleadError edge.not_logged_in when the file is damaged or unreadable
 */
export async function readLogin(env: Environment): Promise<StoredLogin | null> {
  const path = loginFile(env);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (thrown) {
    // HOME may be /dev/null.
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(thrown) ?? "")) return null;
    throw new FairleadError(
      "edge.not_logged_in",
      `The login file ${path} cannot be read: ${reasonOf(thrown)}.`,
      {
        cause: thrown,
        action:
          "Let this user read the file, name another with FAIRLEAD_CONFIG, or set FAIRLEAD_URL with FAIRLEAD_KEY.",
      },
    );
  }
  try {
    return StoredLogin.parse(JSON.parse(text));
  } catch (thrown) {
    throw new FairleadError("edge.not_logged_in", `The login file ${path} is damaged.`, {
      cause: thrown,
      action: "Run `fairlead login URL --key-file FILE` again, which replaces the file.",
    });
  }
}

/**
 * Stores a login atomically, readable by its owner only. @returns the path of its file
 * @throws FairleadError file.unwritable
 */
export async function writeLogin(env: Environment, login: StoredLogin): Promise<string> {
  const path = loginFile(env);
  let draft: DraftFile | undefined;
  try {
    makeDirectory(dirname(path));
    draft = await DraftFile.open(path);
    await draft.commit(`${JSON.stringify(login, null, 2)}\n`);
    return path;
  } catch (thrown) {
    await draft?.discard();
    const action =
      "Set FAIRLEAD_CONFIG to a file that this user may write, or set FAIRLEAD_URL and FAIRLEAD_KEY in place of a login.";
    throw new FairleadError(
      "file.unwritable",
      `The login cannot be stored in ${path}: ${reasonOf(thrown)}.`,
      { cause: thrown, action },
    );
  }
}

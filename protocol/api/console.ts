/** The console's sign-in and its sessions in the API. */
import * as z from "zod";
import { Role } from "./keys.ts";
import { Timestamp } from "./timestamp.ts";

/**
 * How people sign in at the console: not at all, because nothing is served; without proof, at a loopback listener only;
 * by user and password; or by the provider of identity tokens. One-time links of `fairlead console` work in all but
 * the first.
 */
export const ConsoleMode = z.enum(["none", "unsecured", "internal", "oidc"]);
export type ConsoleMode = z.infer<typeof ConsoleMode>;

/** The cookie of a session at the API's host. */
export const CONSOLE_COOKIE = "__Host-fairlead-console";

/** The header that every request of the page has. A page of another site cannot send it without permission. */
export const CONSOLE_HEADER = "fairlead-console";

/** The path below which the console is served. */
export const CONSOLE_PATH = "/console/";

/** Name of a user of the console. */
export const UserName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._@-]{0,62}$/, "must be a user name: a-z 0-9 . _ @ -");

/** `GET /v1/session`: who is signed in. Public: without a session it says how to sign in. */
export const ConsoleSession = z
  .object({
    mode: ConsoleMode,
    /** Null when nobody is signed in. */
    user: z
      .object({
        name: z.string(),
        grants: z.array(z.object({ role: Role, networks: z.array(z.string()).nullable() })),
        /** Null for `unsecured`. */
        expiresAt: Timestamp.nullable(),
      })
      .nullable(),
    version: z.string(),
    /**
     * Where people open the console: at the listener on loopback for a request by a name of this machine, else at the
     * API's host. Null when nothing is served.
     */
    url: z.string().nullable(),
  })
  .meta({ id: "ConsoleSession" });
export type ConsoleSession = z.infer<typeof ConsoleSession>;

/** `POST /v1/session`: signs in with user and password, or with the secret of a one-time link. */
export const SignIn = z
  .union([
    z.object({ user: z.string().max(100), password: z.string().max(1000) }),
    z.object({ link: z.string().max(200) }),
  ])
  .meta({ id: "SignIn" });
export type SignIn = z.infer<typeof SignIn>;

/** `POST /v1/session/links`: a one-time link for the caller, with the caller's roles. */
export const SignInLink = z.object({ url: z.string(), expiresAt: Timestamp }).meta({ id: "SignInLink" });
export type SignInLink = z.infer<typeof SignInLink>;

/** How long a one-time link is valid, s. */
export const SIGN_IN_LINK_SECONDS = 60;

/** A user of the console, and the role. */
export const ConsoleUser = z
  .object({ name: UserName, role: Role, networks: z.array(z.string()).nullable(), createdAt: Timestamp })
  .meta({ id: "ConsoleUser" });
export type ConsoleUser = z.infer<typeof ConsoleUser>;

/** `PUT /v1/console-users/{user}`: creates a user or sets the password, which is at least 12 characters long. */
export const SetConsoleUser = z
  .object({
    password: z.string().min(12).max(1000),
    role: Role.default("viewer"),
    networks: z.array(z.string()).nullable().default(null),
  })
  .meta({ id: "SetConsoleUser" });
export type SetConsoleUser = z.infer<typeof SetConsoleUser>;

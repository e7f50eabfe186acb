/**
 * The object of the console, one for a deployment: its users, sessions and one-time links. Secrets are stored as
 * hashes. Passwords are compared outside, since that takes a quarter of a second.
 */
import { DurableObject } from "cloudflare:workers";
import { type ConsoleUser, SIGN_IN_LINK_SECONDS } from "../../protocol/api/console.ts";
import { TokenBuckets } from "../limits/token-buckets.ts";
import { failure, type Result, success } from "../result.ts";
import type { Identity, UserGrant } from "./identity.ts";
import { ConsoleStore, type StoredSession } from "./store.ts";

/** How long a session lasts at most, ms. */
export const SESSION_MS = 7 * 24 * 60 * 60_000;
/**
 * How long a session lasts whose roles the edge cannot look up again: those that an identity provider gave. The
 * provider may have withdrawn them since.
 */
export const PROVIDER_SESSION_MS = 12 * 60 * 60_000;

/** Attempts with a user's password, whoever makes them: 20, and six more a minute. */
const ATTEMPTS = { burst: 20, perSecond: 0.1, clients: 10_000 };

export class Console extends DurableObject {
  readonly #store: ConsoleStore;
  readonly #attempts = new TokenBuckets(ATTEMPTS);

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#store = new ConsoleStore(ctx.storage.sql);
  }

  users(): ConsoleUser[] {
    return this.#store.users();
  }

  /** A user's grant and stored password; null without such a user. */
  user(name: string): { grant: UserGrant; password: string } | null {
    const stored = this.#store.user(name);
    return (
      stored && {
        grant: { role: stored.user.role, networks: stored.user.networks },
        password: stored.password,
      }
    );
  }

  /** Creates or changes a user, and ends the user's sessions. @param password its stored form */
  setUser(name: string, grant: UserGrant, password: string): ConsoleUser {
    return this.#store.setUser(name, grant, password, Date.now());
  }

  /** Error: console.user_unknown. */
  removeUser(name: string): Result<ConsoleUser> {
    const removed = this.#store.removeUser(name);
    return removed === null
      ? failure("console.user_unknown", `The console has no user "${name}".`)
      : success(removed);
  }

  /**
   * The stored password of a user, for one attempt to sign in.
   * @returns `wait`: ms to wait when there were too many attempts, else 0; the password is null without such a user
   */
  attempt(name: string): { wait: number; password: string | null } {
    const wait = this.#attempts.take(name, Date.now());
    return { wait, password: wait === 0 ? (this.#store.user(name)?.password ?? null) : null };
  }

  /**
   * Begins a session.
   * @param hash SHA-256 of the session's id
   * @param password the stored password that was compared, for a sign-in with one
   * @returns when it ends at the latest, ms since 1970; null when the password has changed in the meantime
   */
  beginSession(hash: string, identity: Identity, password?: string): number | null {
    if (identity.kind === "user" && password !== undefined) {
      if (this.#store.user(identity.name)?.password !== password) return null;
    }
    const now = Date.now();
    const expiresAt = now + (identity.kind === "oidc" ? PROVIDER_SESSION_MS : SESSION_MS);
    this.#store.addSession(hash, identity, expiresAt, now);
    return expiresAt;
  }

  /** A valid session, and notes its use; null without one. */
  session(hash: string): StoredSession | null {
    return this.#store.session(hash, Date.now());
  }

  endSession(hash: string): void {
    this.#store.endSession(hash);
  }

  /** Stores a one-time link. @returns when it expires, ms since 1970 */
  addLink(hash: string, identity: Identity): number {
    const now = Date.now();
    const expiresAt = now + SIGN_IN_LINK_SECONDS * 1000;
    this.#store.addLink(hash, identity, expiresAt, now);
    return expiresAt;
  }

  /** Uses a link up, and begins a session of its identity; null for a link that is not valid. */
  redeemLink(link: string, session: string): number | null {
    const identity = this.#store.takeLink(link, Date.now());
    return identity === null ? null : this.beginSession(session, identity);
  }
}

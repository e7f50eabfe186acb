/** The tables of the console's object. */
import type { ConsoleUser } from "../../protocol/api/console.ts";
import type { Role } from "../../protocol/api/keys.ts";
import { Identity, type UserGrant } from "./identity.ts";

/** How long a session lasts without a request, ms. */
export const IDLE_MS = 12 * 60 * 60_000;
/** How precise the time of a session's last request is, ms: a row is written no more often. */
const USE_MS = 5 * 60_000;
/** Most sessions and most one-time links; older ones end. */
const MAX_SESSIONS = 10_000;
const MAX_LINKS = 1_000;

type UserRow = {
  name: string;
  role: string;
  networks: string | null;
  password: string;
  created_at: number;
};

/** A user with the stored form of the password. */
export interface StoredUser {
  readonly user: ConsoleUser;
  readonly password: string;
}

/** A session that is valid. */
export interface StoredSession {
  readonly identity: Identity;
  /** Set for a user of the console. */
  readonly grant: UserGrant | null;
  /** ms since 1970 */
  readonly expiresAt: number;
}

export class ConsoleStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`CREATE TABLE IF NOT EXISTS users (
      name TEXT PRIMARY KEY,
      role TEXT NOT NULL,
      networks TEXT,
      password TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) WITHOUT ROWID`);
    sql.exec(`CREATE TABLE IF NOT EXISTS sessions (
      hash TEXT PRIMARY KEY,
      identity TEXT NOT NULL,
      user TEXT,
      created_at INTEGER NOT NULL,
      used_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`);
    sql.exec(`CREATE TABLE IF NOT EXISTS links (
      hash TEXT PRIMARY KEY,
      identity TEXT NOT NULL,
      expires_at INTEGER NOT NULL
    ) WITHOUT ROWID`);
  }

  users(): ConsoleUser[] {
    return this.#sql.exec<UserRow>("SELECT * FROM users ORDER BY name").toArray().map(describe);
  }

  user(name: string): StoredUser | null {
    const [row] = this.#sql.exec<UserRow>("SELECT * FROM users WHERE name = ?", name).toArray();
    return row === undefined ? null : { user: describe(row), password: row.password };
  }

  /** Creates or changes a user, and ends the user's sessions. @param now ms since 1970 */
  setUser(name: string, { role, networks }: UserGrant, password: string, now: number): ConsoleUser {
    const list = networks === null ? null : JSON.stringify(networks);
    this.#sql.exec(
      `INSERT INTO users (name, role, networks, password, created_at) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (name) DO UPDATE SET role = excluded.role, networks = excluded.networks,
        password = excluded.password`,
      ...[name, role, list, password, now],
    );
    this.#endSessionsOf(name);
    const stored = this.user(name);
    if (stored === null) throw new Error("The user was not stored.");
    return stored.user;
  }

  /** Removes a user, and ends the user's sessions; null when there is none. */
  removeUser(name: string): ConsoleUser | null {
    const stored = this.user(name);
    this.#sql.exec("DELETE FROM users WHERE name = ?", name);
    this.#endSessionsOf(name);
    return stored?.user ?? null;
  }

  #endSessionsOf(name: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE user = ?", name);
    this.#sql.exec(
      "DELETE FROM links WHERE identity = ?",
      JSON.stringify({ kind: "user", name } satisfies Identity),
    );
  }

  /** @param expiresAt, now ms since 1970 */
  addSession(hash: string, identity: Identity, expiresAt: number, now: number): void {
    this.#sql.exec("DELETE FROM sessions WHERE expires_at <= ? OR used_at <= ?", now, now - IDLE_MS);
    this.#sql.exec(
      "INSERT INTO sessions (hash, identity, user, created_at, used_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
      ...[hash, JSON.stringify(identity), identity.kind === "user" ? identity.name : null],
      ...[now, now, expiresAt],
    );
    this.#sql.exec(
      "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions ORDER BY used_at DESC LIMIT -1 OFFSET ?)",
      MAX_SESSIONS,
    );
  }

  /** A session that is valid, and notes its use; null without one. @param now ms since 1970 */
  session(hash: string, now: number): StoredSession | null {
    const [row] = this.#sql
      .exec<{ identity: string; user: string | null; used_at: number; expires_at: number }>(
        "SELECT identity, user, used_at, expires_at FROM sessions WHERE hash = ?",
        hash,
      )
      .toArray();
    if (row === undefined) return null;
    if (row.expires_at <= now || row.used_at <= now - IDLE_MS) {
      this.endSession(hash);
      return null;
    }
    const user = row.user === null ? null : this.user(row.user);
    if (row.user !== null && user === null) return null;
    if (now - row.used_at >= USE_MS) {
      this.#sql.exec("UPDATE sessions SET used_at = ? WHERE hash = ?", now, hash);
    }
    return {
      identity: Identity.parse(JSON.parse(row.identity)),
      grant: user && { role: user.user.role, networks: user.user.networks },
      expiresAt: row.expires_at,
    };
  }

  endSession(hash: string): void {
    this.#sql.exec("DELETE FROM sessions WHERE hash = ?", hash);
  }

  /** @param expiresAt, now ms since 1970 */
  addLink(hash: string, identity: Identity, expiresAt: number, now: number): void {
    this.#sql.exec("DELETE FROM links WHERE expires_at <= ?", now);
    this.#sql.exec(
      "INSERT INTO links (hash, identity, expires_at) VALUES (?, ?, ?)",
      ...[hash, JSON.stringify(identity), expiresAt],
    );
    this.#sql.exec(
      "DELETE FROM links WHERE hash IN (SELECT hash FROM links ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
      MAX_LINKS,
    );
  }

  /** The identity of a link, which is used up; null for an unknown, used or expired link. */
  takeLink(hash: string, now: number): Identity | null {
    const [row] = this.#sql
      .exec<{ identity: string; expires_at: number }>(
        "DELETE FROM links WHERE hash = ? RETURNING identity, expires_at",
        hash,
      )
      .toArray();
    return row === undefined || row.expires_at <= now ? null : Identity.parse(JSON.parse(row.identity));
  }
}

function describe({ name, role, networks, created_at }: UserRow): ConsoleUser {
  return {
    name,
    role: role as Role,
    networks: networks === null ? null : (JSON.parse(networks) as string[]),
    createdAt: new Date(created_at).toISOString(),
  };
}

/**
 * A log whose lines name a peer as it is called now: the name in the field `peer` follows the id in `peerSite`. Sessions
 * and flows outlive a renaming.
 */
import type { Peer } from "../config/scope.ts";
import type { Log, LogLevel } from "../log.ts";
import type { SiteNames } from "../targets/site-names.ts";

type Fields = Record<string, unknown>;

export class SiteNamedLog implements Log {
  readonly #target: Log;
  readonly #names: SiteNames;
  /** The peer of every line of a child; null for none. */
  readonly #peer: Peer | null;

  constructor(target: Log, names: SiteNames, peer: Peer | null = null) {
    this.#target = target;
    this.#names = names;
    this.#peer = peer;
  }

  readonly debug = (fields: Fields, message: string): void => this.#write("debug", fields, message);
  readonly info = (fields: Fields, message: string): void => this.#write("info", fields, message);
  readonly warn = (fields: Fields, message: string): void => this.#write("warn", fields, message);
  readonly error = (fields: Fields, message: string): void => this.#write("error", fields, message);

  isLevelEnabled(level: LogLevel): boolean {
    return this.#target.isLevelEnabled(level);
  }

  child(fields: Fields): Log {
    const { peer: siteName, peerSite: site, ...others } = fields;
    if (typeof siteName !== "string" || typeof site !== "string") {
      return new SiteNamedLog(this.#target.child(fields), this.#names, this.#peer);
    }
    return new SiteNamedLog(this.#target.child({ ...others, peerSite: site }), this.#names, {
      site,
      siteName,
    });
  }

  #write(level: LogLevel, fields: Fields, message: string): void {
    const { peer: siteName, peerSite: site } = fields;
    const peer = typeof siteName === "string" && typeof site === "string" ? { site, siteName } : this.#peer;
    const name = peer && this.#names.current(peer).siteName;
    this.#target[level](name === null || name === siteName ? fields : { ...fields, peer: name }, message);
  }
}

/**
 * To whom a service is offered: to every site, or only to those that are named. The registry keeps to it, and the
 * connector that owns the service looks again, at every stream. A session proves the peer's id; which site has which
 * name is the registry's word, so who names sites by their ids need not believe it.
 */
import type { Duplex } from "node:stream";
import { z } from "zod";
import { type ErrorCode, FairleadError } from "../../protocol/errors.ts";
import { SiteId } from "../../protocol/ids.ts";
import { SiteName } from "../../protocol/names.ts";
import { type Instance, Offer } from "../../protocol/uplink/messages.ts";

/** Names or ids of sites; undefined stands for all. */
export const Scope = Offer.shape.to;
export type Scope = z.infer<typeof Scope>;

/** A site as sessions know it. */
export type Peer = Pick<Instance, "site" | "siteName">;

/** Whether a service of this scope is offered to the site. */
export function isExportedTo(scope: Scope, { site, siteName }: Peer): boolean {
  return scope === undefined || scope.includes(site) || scope.includes(siteName);
}

/** Whether two scopes name the same sites. */
export function sameScope(left: Scope, right: Scope): boolean {
  if (left === undefined || right === undefined) return left === right;
  return left.length === right.length && left.every((site) => right.includes(site));
}

const Site = z.union([SiteName, SiteId]);

/** Sites as an option names them: `east,west`. @throws FairleadError `request.invalid`. */
export function parseSites(text: string): string[] {
  const sites = [...new Set(text.split(",").map((site) => site.trim()))];
  for (const site of sites) {
    if (Site.safeParse(site).success) continue;
    throw new FairleadError("request.invalid", `"${site}" is neither the name nor the id of a site`);
  }
  return sites;
}

/** Streams that peers have open to services here. */
export class Guests {
  readonly #open = new Map<Duplex, { readonly service: string; readonly peer: Peer }>();

  admit(stream: Duplex, service: string, peer: Peer): void {
    this.#open.set(stream, { service, peer });
    stream.once("close", () => this.#open.delete(stream));
  }

  /** Resets the streams that are allowed no more. Returns how many, by the code that says why. */
  review(judge: (service: string, peer: Peer) => ErrorCode | null): ReadonlyMap<ErrorCode, number> {
    const reset = new Map<ErrorCode, number>();
    for (const [stream, { service, peer }] of [...this.#open]) {
      const code = stream.destroyed ? null : judge(service, peer);
      if (code === null) continue;
      stream.destroy(new FairleadError(code));
      reset.set(code, (reset.get(code) ?? 0) + 1);
    }
    return reset;
  }
}

/** What sites are called now, by their ids, as the registry mentions them: a session remembers what its peer was called. */
export class SiteNames {
  readonly #names = new Map<string, string>();

  /** Returns whether a site has another name than before. */
  note(sites: Iterable<Peer>): boolean {
    let changed = false;
    for (const { site, siteName } of sites) {
      const before = this.#names.get(site);
      this.#names.set(site, siteName);
      changed ||= before !== undefined && before !== siteName;
    }
    return changed;
  }

  /** The peer under its newest name. */
  current({ site, siteName }: Peer): Peer {
    return { site, siteName: this.#names.get(site) ?? siteName };
  }
}

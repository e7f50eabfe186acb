/** The presence of sites by their live sockets: uplinks whose hello was accepted and that are not closed. */

import type { Context } from "../context/context.ts";
import type { SitePresence } from "../policy/link-status.ts";
import { isEstablished } from "../sockets/attachment.ts";
import type { Uplink } from "../sockets/uplinks.ts";

export class Presence implements SitePresence {
  readonly #context: Context;
  readonly #left: Uplink | undefined;
  readonly #bySite = new Map<string, readonly Uplink[]>();
  readonly #since = new Map<string, number>();

  /** @param left an uplink that closed a moment ago, counted as present */
  constructor(context: Context, left?: Uplink) {
    this.#context = context;
    this.#left = left;
  }

  of(site: string): readonly Uplink[] {
    const known = this.#bySite.get(site);
    if (known) return known;
    const there = this.#context.uplinks
      .ofSite(site)
      .filter((uplink) => isEstablished(uplink.attachment) && uplink.socket !== this.#left?.socket);
    if (this.#left?.attachment.site === site) there.push(this.#left);
    this.#bySite.set(site, there);
    return there;
  }

  up(site: string): boolean {
    return this.of(site).length > 0;
  }

  state(site: string): "up" | "down" {
    return this.up(site) ? "up" : "down";
  }

  stopped(site: string): boolean {
    return !this.up(site) && this.#context.store.sites.get(site)?.state === "stopped";
  }

  revoked(site: string): boolean {
    return this.#context.store.sites.get(site)?.state === "revoked";
  }

  since(site: string): number {
    const known = this.#since.get(site) ?? this.#context.store.sites.get(site)?.since ?? 0;
    this.#since.set(site, known);
    return known;
  }

  proofError({ id, joiner }: { id: string; joiner: string }): string | null {
    const uplinks = this.of(joiner);
    if (uplinks.some(({ attachment }) => attachment.links.includes(id))) return null;
    const codes = uplinks.map(({ attachment }) => attachment.unproven[id]);
    return codes.find((code) => code !== undefined) ?? "certificate.required";
  }

  rtt(site: string): number | null {
    const times = this.of(site)
      .map(({ attachment }) => attachment.rtt)
      .filter((rtt) => rtt !== null);
    return times.length > 0 ? Math.min(...times) : null;
  }
}

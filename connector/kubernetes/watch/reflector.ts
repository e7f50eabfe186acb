/**
 * The decisions of a reflector, which keeps a copy of a collection: what to ask the API server next, and what changed in
 * the copy. It has no sockets and no clock; `watch-loop.ts` carries its decisions out.
 *
 * The copy never has an empty moment: a new list replaces it only once its last page is there, and no failure empties it.
 */
import * as z from "zod";
import { Backoff } from "../../net/backoff.ts";
import type { Failure } from "../api/failure.ts";
import { watchSeconds } from "../api/watch-times.ts";

/** What the reflector reads of every object. */
const Meta = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  resourceVersion: z.string(),
});

/** One page of a list. */
export const Page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.looseObject({ metadata: z.looseObject(Meta.shape) })).nullish(),
});
export type Page = z.infer<typeof Page>;

/** One line of a watch. */
export const WatchEvent = z.object({
  type: z.enum(["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]),
  object: z.looseObject({
    metadata: z.looseObject(Meta.partial().shape).optional(),
    code: z.number().optional(),
    message: z.string().optional(),
  }),
});
export type WatchEvent = z.infer<typeof WatchEvent>;

/** What to do next. */
export type Step =
  | { readonly kind: "list"; readonly limit: number; readonly continue: string | undefined }
  | { readonly kind: "watch"; readonly resourceVersion: string; readonly timeoutSeconds: number }
  /** Waits `ms`, then asks for the next step. */
  | { readonly kind: "wait"; readonly ms: number };

/** A change of the copy. */
export type Change<T> =
  | { readonly kind: "put"; readonly key: string; readonly value: T }
  | { readonly kind: "remove"; readonly key: string };

export interface ReflectorOptions<T> {
  /** Takes the fields that are kept of an object: the copy holds nothing else. */
  readonly keep: (object: Record<string, unknown>) => T;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
}

/** Objects of a page. */
const PAGE = 500;
const BACKOFF = { base: 800, cap: 30_000 };
/** Wait where a right or a definition is missing: somebody has to act first, ms. */
const REFUSED_WAIT = 30_000;

/** The version is forgotten, or, after a server was restored from a backup, not reached yet: 410 and 504. */
const LOST_VERSION = [410, 504];

interface Held<T> {
  readonly resourceVersion: string;
  readonly value: T;
}

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  #objects = new Map<string, Held<T>>();
  /** Pages of a list that is not whole. */
  #arriving: Map<string, Held<T>> | null = null;
  #continue: string | undefined;
  /** Version to watch from; undefined when a list is due. */
  #version: string | undefined;
  /** Pages are not asked for after a token expired: the next list comes whole. */
  #inPages = true;
  #wait = 0;
  #synced = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  /** True once a whole list was there. The copy may be old; it is never partial. */
  get synced(): boolean {
    return this.#synced;
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)?.value;
  }

  *entries(): Generator<readonly [key: string, value: T]> {
    for (const [key, { value }] of this.#objects) yield [key, value];
  }

  /** What to do now. A wait is asked for once. */
  next(): Step {
    if (this.#wait > 0) {
      const ms = this.#wait;
      this.#wait = 0;
      return { kind: "wait", ms };
    }
    if (this.#version === undefined) {
      return { kind: "list", limit: this.#inPages ? PAGE : 0, continue: this.#continue };
    }
    const timeoutSeconds = watchSeconds(this.#options.random);
    return { kind: "watch", resourceVersion: this.#version, timeoutSeconds };
  }

  /** Takes a page. Returns what changed, once the list is whole. */
  page({ metadata, items }: Page): Change<T>[] {
    const arriving = this.#arriving ?? new Map<string, Held<T>>();
    for (const item of items ?? []) {
      const { resourceVersion } = item.metadata;
      const key = keyOf(item.metadata);
      const known = this.#objects.get(key);
      const isKnown = known?.resourceVersion === resourceVersion;
      arriving.set(key, isKnown ? known : { resourceVersion, value: this.#options.keep(item) });
    }
    this.#continue = metadata.continue === "" ? undefined : metadata.continue;
    if (this.#continue !== undefined) {
      this.#arriving = arriving;
      return [];
    }
    this.#arriving = null;
    this.#inPages = true;
    this.#version = metadata.resourceVersion;
    this.#synced = true;
    return this.#replace(arriving);
  }

  #replace(arrived: Map<string, Held<T>>): Change<T>[] {
    const before = this.#objects;
    this.#objects = arrived;
    const changes: Change<T>[] = [];
    for (const key of before.keys()) if (!arrived.has(key)) changes.push({ kind: "remove", key });
    for (const [key, held] of arrived) {
      if (before.get(key) !== held) changes.push({ kind: "put", key, value: held.value });
    }
    return changes;
  }

  /** Takes an event of the watch. Returns the change, or a failure that ends the watch. */
  event({ type, object }: WatchEvent): Change<T> | Failure | null {
    const { metadata } = object;
    if (type === "ERROR") return { status: object.code ?? null, message: object.message ?? "" };
    const { name, namespace, resourceVersion } = metadata ?? {};
    if (resourceVersion !== undefined) this.#version = resourceVersion;
    // The server sent something of use: the next failure is a new one.
    this.#backoff.reset();
    if (type === "BOOKMARK" || name === undefined || resourceVersion === undefined) return null;
    const key = keyOf({ name, namespace });
    if (type === "DELETED") {
      return this.#objects.delete(key) ? { kind: "remove", key } : null;
    }
    const value = this.#options.keep(object);
    this.#objects.set(key, { resourceVersion, value });
    return { kind: "put", key, value };
  }

  /** The watch ended by itself, which a server does at the end of its time. @param fruitless no event came at all */
  ended(fruitless: boolean): void {
    if (fruitless) this.#wait = this.#backoff.next();
  }

  /** A list or a watch failed. */
  failed({ status, retryAfter = 0 }: Failure): void {
    if (status !== null && LOST_VERSION.includes(status)) this.#lost();
    const isRefused = status === 403 || status === 404;
    const wait = isRefused
      ? REFUSED_WAIT / 2 + this.#options.random() * (REFUSED_WAIT / 2)
      : this.#backoff.next();
    this.#wait = Math.max(Math.floor(wait), retryAfter, 1);
    // A server that answered may have forgotten the pages of before: the list starts again.
    if (this.#version === undefined && status !== null) this.#restart();
  }

  #lost(): void {
    // A token of a page that expired: a list in pages may never end, so the next one comes whole.
    if (this.#continue !== undefined) this.#inPages = false;
    this.#version = undefined;
    this.#restart();
  }

  #restart(): void {
    this.#arriving = null;
    this.#continue = undefined;
  }
}

/** `namespace/name`, or the name alone. */
export const keyOf = ({
  namespace,
  name,
}: {
  readonly namespace?: string | undefined;
  readonly name: string;
}) => (namespace === undefined ? name : `${namespace}/${name}`);

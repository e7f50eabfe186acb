/**
 * Records Kubernetes Events. An Event that is recorded again becomes a series of the first one, also after a restart:
 * its name is made of what it says. Events are sent one after the other, and the number about an object is limited.
 */
import * as z from "zod";
import { sleep } from "../../async/sleep.ts";
import type { Log } from "../../log.ts";
import { Backoff } from "../../net/backoff.ts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError, type Failure } from "../api/failure.ts";
import { collectionPath, KINDS, objectPath } from "../api/kinds.ts";
import type { ClusterEvent, EventRecorder } from "./cluster.ts";
import { isMissingRight } from "./cluster-writer.ts";
import { EventBudget } from "./event-budget.ts";
import { type EventObject, eventObject, objectKey, type Reporter } from "./event-object.ts";
import { microTime } from "./micro-time.ts";
import { type RefusedRights, rightOf } from "./refused-rights.ts";

/** Most Events that wait to be sent. */
const MAX_WAITING = 512;
/** Most Events whose count is remembered; that of another one is read from the server. */
const MAX_KNOWN = 1024;
/** Attempts for one Event, as client-go has it. */
const MAX_ATTEMPTS = 12;
const BACKOFF = { base: 1000, cap: 30_000 };
/** Time for what waits when the recorder is closed, ms. */
const CLOSE_TIME = 2000;
const MERGE_PATCH = "application/merge-patch+json";

const Stored = z.looseObject({ series: z.looseObject({ count: z.number().nullish() }).nullish() });

export interface EventSenderOptions {
  readonly client: ApiClient;
  readonly reporter: Reporter;
  readonly rights: RefusedRights;
  /** A clock that never goes back, ms. */
  readonly now: () => number;
  /** 0 ≤ random() < 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** An Event that waits to be sent. */
interface Waiting {
  readonly object: EventObject;
  /** How often it was recorded while it waited. */
  times: number;
  /** When it was recorded last, as microTime has it. */
  last: string;
}

/** Records nothing. */
export const NO_EVENTS: EventRecorder = { record: () => undefined };

export class EventSender implements EventRecorder {
  readonly #options: EventSenderOptions;
  readonly #budget: EventBudget;
  readonly #backoff: Backoff;
  readonly #stop = new AbortController();
  /** By name, in the order in which they are sent. */
  readonly #waiting = new Map<string, Waiting>();
  /** How often Events were recorded that the server has, by namespace and name. */
  readonly #known = new Map<string, number>();
  #sending: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: EventSenderOptions) {
    this.#options = options;
    this.#budget = new EventBudget(options.now);
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  record(event: ClusterEvent): void {
    if (this.#isClosed) return;
    const { reporter, log } = this.#options;
    const { reason, about } = event;
    const time = microTime(Date.now());
    const object = eventObject(event, reporter, time);
    const key = keyOf(object);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      waiting.times++;
      waiting.last = time;
      return;
    }
    if (this.#waiting.size >= MAX_WAITING || !this.#budget.take(objectKey(about))) {
      log.debug({ reason, object: objectKey(about) }, "There are too many Events; this one is not recorded.");
      return;
    }
    this.#waiting.set(key, { object, times: 1, last: time });
    this.#sending ??= this.#sendAll();
  }

  /** Sends what waits, for a short time, and records nothing more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const timer = setTimeout(() => this.#stop.abort(), CLOSE_TIME);
    await this.#sending;
    clearTimeout(timer);
    this.#stop.abort();
  }

  async #sendAll(): Promise<void> {
    // Whatever is recorded in the same turn is sent in its order.
    await Promise.resolve();
    for (const [key, waiting] of this.#waiting) {
      await this.#sendOne(waiting);
      this.#waiting.delete(key);
    }
    this.#sending = undefined;
  }

  async #sendOne(waiting: Waiting): Promise<void> {
    const { rights, log } = this.#options;
    const { namespace } = waiting.object.metadata;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS && !this.#stop.signal.aborted; attempt++) {
      try {
        await this.#send(waiting);
        this.#backoff.reset();
        return;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        const { failure } = error;
        if (isQuiet(failure)) return;
        if (isMissingRight(error)) return rights.refused(rightOf("create", KINDS.events, namespace));
        if (!canPass(failure)) {
          log.warn({ namespace }, `An Event was refused: ${failure.message}`);
          return;
        }
        const wait = Math.max(this.#backoff.next(), failure.retryAfter ?? 0);
        await sleep(wait, this.#stop.signal, { ref: false });
      }
    }
  }

  async #send(waiting: Waiting): Promise<void> {
    const { object } = waiting;
    const known = this.#known.get(keyOf(object));
    if (known !== undefined) {
      try {
        return await this.#patch(waiting, known);
      } catch (error) {
        if (statusOf(error) !== 404) throw error;
        // The server forgets Events, after an hour unless it is told otherwise.
        this.#known.delete(keyOf(object));
      }
    }
    try {
      await this.#create(waiting);
    } catch (error) {
      if (statusOf(error) !== 409) throw error;
      await this.#patch(waiting, await this.#storedCount(object));
    }
  }

  async #create({ object, times, last }: Waiting): Promise<void> {
    const { client, rights } = this.#options;
    const { namespace } = object.metadata;
    const series = times === 1 ? {} : { series: { count: times, lastObservedTime: last } };
    const body = { ...object, ...series };
    const { signal } = this.#stop;
    await client.write("POST", collectionPath(KINDS.events, namespace), { body, signal });
    rights.granted(rightOf("create", KINDS.events, namespace));
    this.#know(object, times);
  }

  async #patch({ object, times, last }: Waiting, before: number): Promise<void> {
    const count = before + times;
    await this.#patchWith(object, { series: { count, lastObservedTime: last } });
    this.#know(object, count);
  }

  /** A patch of nothing tells what is stored, and needs no right to read. */
  async #storedCount(object: EventObject): Promise<number> {
    return Stored.parse(await this.#patchWith(object, {})).series?.count ?? 1;
  }

  async #patchWith({ metadata: { namespace, name } }: EventObject, body: unknown): Promise<unknown> {
    const { signal } = this.#stop;
    const path = objectPath(KINDS.events, namespace, name);
    return await this.#options.client.write("PATCH", path, { body, contentType: MERGE_PATCH, signal });
  }

  #know(object: EventObject, count: number): void {
    this.#known.delete(keyOf(object));
    this.#known.set(keyOf(object), count);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

const keyOf = ({ metadata: { namespace, name } }: EventObject): string => `${namespace}/${name}`;

const statusOf = (error: unknown): number | null => (error instanceof ApiError ? error.failure.status : null);

/** The namespace is gone, or about to be. */
const isQuiet = ({ status, isTerminating }: Failure): boolean => status === 404 || isTerminating === true;

/** Whether the same request can succeed later. */
const canPass = ({ status }: Failure): boolean =>
  status === null || status === 401 || status === 409 || status === 429 || status >= 500;

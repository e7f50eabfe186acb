/** Carries out what a reflector decides: lists, watches and waits, until it is stopped. */
import { Pause } from "../../async/pause.ts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError, type Failure } from "../api/failure.ts";
import { JsonLines } from "../api/json-lines.ts";
import { SILENCE } from "../api/watch-times.ts";
import { type Change, Page, type Reflector, type Step, WatchEvent } from "./reflector.ts";

/** Loops come back to a server at random within this time, ms. */
const HURRY = 1000;

export interface WatchLoopOptions<T> {
  readonly client: ApiClient;
  readonly reflector: Reflector<T>;
  /** Path of the collection: `/api/v1/namespaces/shop/services`. */
  readonly path: string;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Hears each change, and the first time that the copy is whole. */
  readonly changed: (changes: readonly Change<T>[]) => void;
  /** Hears why a request failed. The copy stays as it is. */
  readonly failed: (failure: Failure, verb: Verb) => void;
  /** Hears that the server took a request. */
  readonly succeeded?: (verb: Verb) => void;
  /** Silence after which a watch is given up, ms. */
  readonly silence?: number;
}

/** What a loop asks of the server, as rights are named. */
export type Verb = "list" | "watch";

export class WatchLoop<T> {
  readonly #options: WatchLoopOptions<T>;
  readonly #stop = new AbortController();
  readonly #pause = new Pause(this.#stop.signal, Math.random);
  readonly #running: Promise<void>;

  constructor(options: WatchLoopOptions<T>) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Ends a wait soon: the server answers again. */
  hurry(): void {
    this.#pause.hurry(HURRY);
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const { reflector, failed } = this.#options;
    while (!signal.aborted) {
      const step = reflector.next();
      try {
        await this.#carryOut(step);
      } catch (error) {
        if (signal.aborted) return;
        const failure =
          error instanceof ApiError
            ? error.failure
            : { status: null, message: error instanceof Error ? error.message : String(error) };
        reflector.failed(failure);
        failed(failure, step.kind === "watch" ? "watch" : "list");
      }
    }
  }

  async #carryOut(step: Step): Promise<void> {
    const { client, reflector, changed, succeeded } = this.#options;
    const { signal } = this.#stop;
    switch (step.kind) {
      case "wait":
        await this.#pause.wait(step.ms);
        return;
      case "list": {
        const query = this.#query({
          ...(step.limit === 0 ? {} : { limit: String(step.limit) }),
          ...(step.continue === undefined ? {} : { continue: step.continue }),
        });
        const wasSynced = reflector.synced;
        const page = Page.parse(await client.get(query, signal));
        succeeded?.("list");
        const changes = reflector.page(page);
        if (changes.length > 0 || reflector.synced !== wasSynced) changed(changes);
        return;
      }
      case "watch":
        await this.#watch(step.resourceVersion, step.timeoutSeconds);
    }
  }

  async #watch(resourceVersion: string, timeoutSeconds: number): Promise<void> {
    const { client, reflector, changed, succeeded, silence = SILENCE } = this.#options;
    const quiet = new AbortController();
    const timer = setTimeout(() => quiet.abort(), silence);
    const query = this.#query({
      watch: "1",
      resourceVersion,
      timeoutSeconds: String(timeoutSeconds),
      allowWatchBookmarks: "true",
    });
    try {
      const lines = new JsonLines();
      let isFruitless = true;
      const signal = AbortSignal.any([this.#stop.signal, quiet.signal]);
      const chunks = await client.watch(query, signal);
      succeeded?.("watch");
      for await (const chunk of chunks) {
        timer.refresh();
        const changes: Change<T>[] = [];
        for (const line of lines.push(chunk)) {
          isFruitless = false;
          const outcome = reflector.event(WatchEvent.parse(line));
          if (outcome === null) continue;
          if ("kind" in outcome) changes.push(outcome);
          else {
            if (changes.length > 0) changed(changes);
            throw new ApiError(outcome);
          }
        }
        if (changes.length > 0) changed(changes);
      }
      reflector.ended(isFruitless);
    } catch (error) {
      if (!quiet.signal.aborted) throw error;
      throw new ApiError({
        status: null,
        message: `The API server sent nothing for ${silence / 1000} s in a watch.`,
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #query(parameters: Readonly<Record<string, string>>): string {
    const { path, labelSelector, fieldSelector } = this.#options;
    const query = new URLSearchParams(parameters);
    if (labelSelector !== undefined) query.set("labelSelector", labelSelector);
    if (fieldSelector !== undefined) query.set("fieldSelector", fieldSelector);
    return `${path}?${query}`;
  }
}

/** The objects of a list, followed by a watch. While the API server says nothing, what it said last holds. */
import { setTimeout as pause } from "node:timers/promises";
import { at, isObject, type JsonObject, objectsIn, textIn } from "../json.ts";
import type { KubeClient, OpenWatch } from "../kube-client.ts";

/** Pause before the server is asked again, ms. */
const RETRY = 100;

export class FollowedList {
  readonly #admin: KubeClient;
  readonly #path: string;
  readonly #ended = new AbortController();
  #objects = new Map<string, JsonObject>();
  #watch: OpenWatch | undefined;

  /** @param path of a collection, with a query that selects */
  private constructor(admin: KubeClient, path: string) {
    this.#admin = admin;
    this.#path = path;
  }

  static async open(admin: KubeClient, path: string): Promise<FollowedList> {
    const list = new FollowedList(admin, path);
    const version = await list.#read();
    void list.#follow(version);
    return list;
  }

  get objects(): readonly JsonObject[] {
    return [...this.#objects.values()];
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#watch?.[Symbol.asyncDispose]();
  }

  async #follow(first: string): Promise<void> {
    let version = first;
    while (!this.#ended.signal.aborted) {
      try {
        await this.#watchFrom(version);
        version = await this.#read();
      } catch {
        await pause(RETRY);
      }
    }
  }

  async #read(): Promise<string> {
    const { status, body, text } = await this.#admin.get(this.#path);
    if (status !== 200) throw new Error(`${this.#path}: ${status} ${text}`);
    this.#objects = new Map(objectsIn(body.items).map((object) => [uidOf(object), object]));
    return textIn(at(body.metadata, "resourceVersion"));
  }

  async #watchFrom(version: string): Promise<void> {
    const watch = await this.#admin.watch(`${this.#path}&watch=true&resourceVersion=${version}`);
    this.#watch = watch;
    if (this.#ended.signal.aborted) return await watch[Symbol.asyncDispose]();
    for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
      if (event.type === "ERROR" || !isObject(event.object)) return;
      if (event.type === "DELETED") this.#objects.delete(uidOf(event.object));
      else this.#objects.set(uidOf(event.object), event.object);
    }
  }
}

const uidOf = (object: JsonObject) => textIn(at(object, "metadata", "uid"));

/** One watch: events from a revision on, bookmarks, and an end after its time. */
import type { ServerResponse } from "node:http";
import type { Faults } from "./faults.ts";
import type { JsonObject } from "./json.ts";
import type { Form } from "./negotiation.ts";
import { apiVersionOf, type KubeObject } from "./object.ts";
import type { Found } from "./registry.ts";
import { StatusError } from "./status.ts";
import type { Change, Collection, Storage } from "./storage.ts";
import { partialOf, tableOf } from "./table.ts";

/** Time between bookmarks, ms. */
export const BOOKMARK_PERIOD = 60_000;
/** The real server ends a watch without `timeoutSeconds` after 30 to 60 minutes, s. */
const DEFAULT_TIMEOUT = 1800;

export interface WatchOptions {
  readonly found: Found;
  /** Whether an object is among the watched ones. */
  readonly matches: (object: KubeObject) => boolean;
  /** Undefined, or 0, for the objects of now. */
  readonly resourceVersion: number | undefined;
  readonly bookmarks: boolean;
  /** Sends the objects of now, and a bookmark after them, before what changes. */
  readonly initialEvents: boolean;
  readonly timeoutSeconds: number | undefined;
  readonly form: Form;
  readonly include: string | null;
  readonly bookmarkPeriod: number;
}

type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";

export class WatchStream {
  readonly #response: ServerResponse;
  readonly #options: WatchOptions;
  readonly #storage: Storage;
  readonly #faults: Faults;
  readonly #ends: (() => void)[] = [];
  #held: string[] = [];
  #isFirstTable = true;
  #ended = false;

  constructor(response: ServerResponse, options: WatchOptions, storage: Storage, faults: Faults) {
    this.#response = response;
    this.#options = options;
    this.#storage = storage;
    this.#faults = faults;
  }

  /** Starts, and takes care of the response until either side ends it. */
  start(collection: Collection): void {
    const {
      resourceVersion = 0,
      initialEvents,
      timeoutSeconds = DEFAULT_TIMEOUT,
      bookmarkPeriod,
    } = this.#options;
    this.#response.writeHead(200, {
      "content-type":
        this.#options.form === "table" ? "application/json;as=Table;v=v1;g=meta.k8s.io" : "application/json",
    });
    this.#response.flushHeaders();
    this.#ends.push(this.#faults.onThaw(() => this.#flush()));
    this.#response.on("close", () => this.end());
    const missed = resourceVersion === 0 || initialEvents ? [] : collection.changesAfter(resourceVersion);
    if (missed === undefined) {
      const message = `too old resource version: ${resourceVersion} (${collection.oldest})`;
      this.#sendError(new StatusError(410, "Expired", message));
      this.end();
      return;
    }
    if (resourceVersion === 0 || initialEvents) {
      for (const object of collection.list()) if (this.#options.matches(object)) this.#send("ADDED", object);
      if (initialEvents && this.#options.bookmarks) this.#bookmark({ "k8s.io/initial-events-end": "true" });
    }
    for (const change of missed) this.#tell(change);
    this.#ends.push(collection.subscribe((change) => this.#tell(change)));
    const bookmarks = setInterval(() => this.#bookmark(), bookmarkPeriod);
    const timeout = setTimeout(() => {
      this.#bookmark();
      this.end();
    }, timeoutSeconds * 1000);
    this.#ends.push(
      () => clearInterval(bookmarks),
      () => clearTimeout(timeout),
    );
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const end of this.#ends) end();
    this.#response.end();
  }

  /** Ends the watch with an ERROR event. */
  fail(error: StatusError): void {
    this.#sendError(error);
    this.end();
  }

  #tell({ before, after, last }: Change): void {
    const { matches } = this.#options;
    const was = before !== undefined && matches(before);
    const is = after !== undefined && matches(after);
    if (is) this.#send(was ? "MODIFIED" : "ADDED", after);
    else if (was) {
      // The state before, with the revision at which the object left what is watched.
      const { resourceVersion } = last.metadata;
      this.#send("DELETED", { ...before, metadata: { ...before.metadata, resourceVersion } });
    }
  }

  #bookmark(annotations?: Record<string, string>): void {
    if (!this.#options.bookmarks) return;
    const { type, version } = this.#options.found;
    const resourceVersion = String(this.#storage.revision);
    const metadata = {
      resourceVersion,
      ...(annotations === undefined ? {} : { annotations }),
      creationTimestamp: null,
    };
    const object = {
      kind: type.kind,
      apiVersion: apiVersionOf({ group: type.group, version: version.version }),
      metadata,
    };
    this.#write({ type: "BOOKMARK", object });
  }

  #send(type: EventType, stored: KubeObject): void {
    const { found, form, include } = this.#options;
    const object = found.version.fromStored?.(stored) ?? stored;
    if (form === "table") {
      const metadata = { resourceVersion: stored.metadata.resourceVersion };
      this.#write({ type, object: tableOf(found.type, [stored], metadata, include, this.#isFirstTable) });
      this.#isFirstTable = false;
    } else this.#write({ type, object: form === "partial" ? partialOf(object) : object });
  }

  #sendError(error: StatusError): void {
    this.#write({ type: "ERROR", object: error.status });
  }

  #write(event: JsonObject): void {
    this.#held.push(`${JSON.stringify(event)}\n`);
    this.#flush();
  }

  #flush(): void {
    if (this.#faults.isFrozen) return;
    const held = this.#held;
    this.#held = [];
    for (const line of held) this.#response.write(line);
  }
}

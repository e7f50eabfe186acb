/**
 * Watches one Secret by its name. A watch without a version begins with the Secret of now, so that nothing is listed and
 * no version can be forgotten.
 */
import * as z from "zod";
import { sleep } from "../../async/sleep.ts";
import { Backoff } from "../../net/backoff.ts";
import type { ApiClient } from "../api/api-client.ts";
import { ApiError } from "../api/failure.ts";
import { JsonLines } from "../api/json-lines.ts";
import { collectionPath, KINDS } from "../api/kinds.ts";
import { SILENCE, watchSeconds } from "../api/watch-times.ts";

const BACKOFF = { base: 1000, cap: 30_000 };

const Line = z.object({
  type: z.string(),
  object: z.looseObject({ code: z.number().optional(), message: z.string().optional() }),
});

export interface SecretWatchOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  /** Hears that the Secret is, or may be, another one than before. */
  readonly changed: () => void;
  /** Hears that the server took a watch. */
  readonly opened: () => void;
  /** Hears why a watch failed. */
  readonly failed: (error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Watches until the signal aborts. Never throws. */
export async function watchSecret(options: SecretWatchOptions): Promise<void> {
  const { changed, failed, signal } = options;
  const backoff = new Backoff({ ...BACKOFF, random: Math.random });
  while (!signal.aborted) {
    try {
      await watchOnce(options);
      backoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      failed(error);
      await sleep(backoff.next(), signal, { ref: false });
    }
    if (!signal.aborted) changed();
  }
}

/** @throws ApiError, and Error for lines that make no sense */
async function watchOnce({ client, namespace, name, ...heard }: SecretWatchOptions): Promise<void> {
  const quiet = new AbortController();
  const timer = setTimeout(() => quiet.abort(), SILENCE).unref();
  const query = new URLSearchParams({
    watch: "true",
    fieldSelector: `metadata.name=${name}`,
    allowWatchBookmarks: "true",
    timeoutSeconds: String(watchSeconds(Math.random)),
  });
  const path = `${collectionPath(KINDS.secrets, namespace)}?${query}`;
  const lines = new JsonLines();
  try {
    const chunks = await client.watch(path, AbortSignal.any([heard.signal, quiet.signal]));
    heard.opened();
    for await (const chunk of chunks) {
      timer.refresh();
      for (const line of lines.push(chunk)) {
        const { type, object } = Line.parse(line);
        if (type === "ERROR") {
          throw new ApiError({ status: object.code ?? null, message: object.message ?? "The watch ended." });
        }
        if (type !== "BOOKMARK") heard.changed();
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Payloads of OPEN frames, encoded and decoded with a cache (docs/protocol.md, "Frames").
 *
 * Most streams of a session are for a few services, so equal payloads are encoded and parsed once. An entry
 * covers service, port, hops and kind. The trace context differs with each stream: it is appended to an entry, or
 * cut off first.
 */
import { parseWith } from "../parse.ts";
import { DEFAULT_KIND } from "../stream-kind.ts";
import { TRACEPARENT_LENGTH, Traceparent } from "../trace-context.ts";
import { encodeOpenPayload, type Open, parseOpen } from "./frames.ts";

/** Entries each way: enough for the services that are busy at once. */
const MAX_ENTRIES = 8;

interface Entry {
  readonly open: Open;
  readonly payload: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
/** Replaces the closing brace of an entry's payload; the trace context and {@link TRACE_SUFFIX} follow. */
const TRACE_PREFIX = encoder.encode(',"traceparent":"');
const TRACE_SUFFIX = encoder.encode('"}');
const TRACE_BYTES = TRACE_PREFIX.length + TRACEPARENT_LENGTH + TRACE_SUFFIX.length;
const CLOSING_BRACE = 0x7d;

/** The OPEN payloads of one session. */
export class OpenCache {
  /** Most recently used first, both of them. */
  readonly #encoded: Entry[] = [];
  readonly #decoded: Entry[] = [];

  /** The payload of an OPEN. The caller must not change it. */
  encode(open: Open): Uint8Array {
    const entry = this.#findEncoded(open) ?? remember(this.#encoded, withoutDefaults(open), null);
    return open.traceparent === undefined ? entry.payload : withTrace(entry.payload, open.traceparent);
  }

  /** The OPEN of a payload, which the cache does not keep. @throws FairleadError session.malformed */
  decode(payload: Uint8Array): Open {
    const cached = this.#findDecoded(payload, payload.length);
    if (cached !== null) return cached.open;
    const head = traceOffset(payload);
    if (head < 0) return remember(this.#decoded, parseOpen(payload), payload.slice()).open;
    const traceparent = parseTrace(payload, head + TRACE_PREFIX.length);
    return { ...(this.#findDecoded(payload, head) ?? this.#decodeHead(payload, head)).open, traceparent };
  }

  #findEncoded({ service, port, hops = 0, kind = DEFAULT_KIND }: Open): Entry | null {
    for (let at = 0; at < this.#encoded.length; at++) {
      const entry = this.#encoded[at];
      if (entry === undefined || entry.open.service !== service || entry.open.port !== port) continue;
      if ((entry.open.hops ?? 0) !== hops || (entry.open.kind ?? DEFAULT_KIND) !== kind) continue;
      return moveToFront(this.#encoded, at, entry);
    }
    return null;
  }

  /**
   * The entry of the first `length` bytes; where they are not the whole payload, a closing brace follows
   * them.
   */
  #findDecoded(payload: Uint8Array, length: number): Entry | null {
    const isHead = length < payload.length;
    for (let at = 0; at < this.#decoded.length; at++) {
      const entry = this.#decoded[at];
      if (entry === undefined || entry.payload.length !== (isHead ? length + 1 : length)) continue;
      if (isHead && entry.payload[length] !== CLOSING_BRACE) continue;
      if (startsAlike(entry.payload, payload, length)) return moveToFront(this.#decoded, at, entry);
    }
    return null;
  }

  #decodeHead(payload: Uint8Array, length: number): Entry {
    const head = payload.slice(0, length + 1);
    head[length] = CLOSING_BRACE;
    return remember(this.#decoded, parseOpen(head), head);
  }
}

/** Adds an entry, in place of the least recently used one where there are enough. */
function remember(entries: Entry[], open: Open, payload: Uint8Array | null): Entry {
  const entry = { open, payload: payload ?? encodeOpenPayload(open) };
  if (entries.length === MAX_ENTRIES) entries.pop();
  entries.unshift(entry);
  return entry;
}

function moveToFront(entries: Entry[], at: number, entry: Entry): Entry {
  if (at > 0) {
    entries.copyWithin(1, 0, at);
    entries[0] = entry;
  }
  return entry;
}

/**
 * An OPEN without fields that have their default, and without trace context. JSON leaves undefined fields
 * out.
 */
function withoutDefaults({ service, port, hops = 0, kind = DEFAULT_KIND }: Open): Open {
  return {
    service,
    hops: hops === 0 ? undefined : hops,
    kind: kind === DEFAULT_KIND ? undefined : kind,
    port,
  };
}

function withTrace(payload: Uint8Array, traceparent: string): Uint8Array {
  const head = payload.length - 1;
  const traced = new Uint8Array(head + TRACE_BYTES);
  traced.set(payload.subarray(0, head));
  traced.set(TRACE_PREFIX, head);
  encoder.encodeInto(traceparent, traced.subarray(head + TRACE_PREFIX.length));
  traced.set(TRACE_SUFFIX, traced.length - TRACE_SUFFIX.length);
  return traced;
}

/** Where the trace context that ends a payload begins, with its comma; -1 where none does. */
function traceOffset(payload: Uint8Array): number {
  const at = payload.length - TRACE_BYTES;
  return at >= 0 &&
    contains(payload, at, TRACE_PREFIX) &&
    contains(payload, at + TRACE_BYTES - TRACE_SUFFIX.length, TRACE_SUFFIX)
    ? at
    : -1;
}

function contains(payload: Uint8Array, at: number, part: Uint8Array): boolean {
  for (let index = 0; index < part.length; index++) if (payload[at + index] !== part[index]) return false;
  return true;
}

function parseTrace(payload: Uint8Array, at: number): string {
  const text = decoder.decode(payload.subarray(at, at + TRACEPARENT_LENGTH));
  return parseWith(Traceparent, text, {
    code: "session.malformed",
    what: "The OPEN frame is malformed: traceparent",
  });
}

function startsAlike(left: Uint8Array, right: Uint8Array, length: number): boolean {
  for (let at = 0; at < length; at++) if (left[at] !== right[at]) return false;
  return true;
}

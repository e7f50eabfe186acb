/**
 * The native stream that Node makes for TLS over a Duplex, connected with the carrier directly.
 *
 * Node's own way leads through the events and buffers of the Duplex, and waits for `setImmediate` after each write: the
 * next record leaves one turn of the event loop later. This costs a connector about 2 % of its CPU at one
 * connection. The properties used here are undocumented (Node 24.21, lib/internal/js_stream_socket.js). Where they are
 * missing, TLS stays with the Duplex.
 */
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

/** A carrier as a Duplex, whose bytes can also pass without the Duplex's buffers; see `CarrierV2`. */
export interface DirectDuplex extends Duplex {
  readDirectly(reader: (bytes: Uint8Array) => boolean): void;
  readOn(): void;
  writeDirectly(chunks: readonly Uint8Array[], done: () => void): void;
}

/** A request of the native side, which `finishWrite` or `finishShutdown` completes. */
type Request = object;

/** Node's `JSStream`, as far as it is used here. The native side calls the methods `on…`. */
interface JsStream {
  /** Writes encrypted bytes. One write at a time. Returns 0, or the code of an error. */
  onwrite: (request: Request, chunks: Uint8Array[]) => number;
  onshutdown: (request: Request) => number;
  onreadstart: () => number;
  onreadstop: () => number;
  readBuffer(bytes: Uint8Array): void;
  finishWrite(request: Request, status: number): void;
}

const METHODS = ["onwrite", "onshutdown", "onreadstart", "onreadstop", "readBuffer", "finishWrite"];

/** The native stream under a TLSSocket over a Duplex; null if this version of Node keeps it elsewhere. */
function streamUnder(socket: TLSSocket): JsStream | null {
  const { _handle: handle } = socket as unknown as { _handle?: { _parent?: Record<string, unknown> } | null };
  const stream = handle?._parent;
  const isKnown = stream !== undefined && METHODS.every((name) => typeof stream[name] === "function");
  return isKnown ? (stream as unknown as JsStream) : null;
}

/**
 * Moves encrypted bytes between TLS and its carrier directly from here on, in both directions. Call it after the
 * handshake. End, errors and destruction go through the Duplex as before. Returns false where Node does not allow it.
 */
export function connectDirectly(socket: TLSSocket, carrier: DirectDuplex): boolean {
  const stream = streamUnder(socket);
  if (stream === null || carrier.destroyed) return false;
  const { onwrite, onshutdown } = stream;
  let writing: Request | null = null;
  let shutdown: Request | null = null;
  let isReading = !carrier.isPaused();

  // The native side cannot take the end of a write before `onwrite` has returned.
  const written = (): void => void process.nextTick(finish);
  const finish = (): void => {
    const request = writing;
    if (request === null) return;
    writing = null;
    // This may begin the next write.
    stream.finishWrite(request, 0);
    if (shutdown === null || writing !== null) return;
    const waiting = shutdown;
    shutdown = null;
    onshutdown.call(stream, waiting);
  };
  stream.onwrite = (request, chunks) => {
    if (carrier.destroyed || carrier.writableEnded) return onwrite.call(stream, request, chunks);
    writing = request;
    carrier.writeDirectly(chunks, written);
    return 0;
  };
  // TLS may shut down while it writes its last record.
  stream.onshutdown = (request) => {
    if (writing === null) return onshutdown.call(stream, request);
    shutdown = request;
    return 0;
  };
  stream.onreadstart = () => {
    isReading = true;
    carrier.readOn();
    return 0;
  };
  stream.onreadstop = () => {
    isReading = false;
    return 0;
  };
  carrier.readDirectly((bytes) => {
    stream.readBuffer(bytes);
    return isReading;
  });
  return true;
}

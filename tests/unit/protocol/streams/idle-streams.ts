/** A program that prints the memory of an idle stream that has carried bytes. It needs --expose-gc. */
import type { Stream } from "../../../../protocol/streams/stream.ts";
import { End, settle } from "./multiplexer-pair.ts";

const STREAMS = 10_000;

const handler = {
  peerAccepted() {},
  data() {},
  peerFinished() {},
  drained() {},
  finished() {},
  reset() {},
};

function used(): number {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

const [left, right] = [new End("even"), new End("odd")];
settle(left, right);
// The users of the ends would be counted too.
right.onOpened = (stream) => stream.accept();
const before = used();
const streams: Stream[] = [];
for (let at = 0; at < STREAMS; at++) {
  const stream = left.multiplexer.open({ service: "api" }, handler);
  stream.write(new Uint8Array(100));
  streams.push(stream);
  if (at % 100 === 99) settle(left, right);
}
settle(left, right);
if (right.multiplexer.streams !== STREAMS) throw new Error("not every stream is open");
console.log(Math.round((used() - before) / STREAMS));

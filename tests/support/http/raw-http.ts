/** Clients that write HTTP to a listener as bytes, and read what comes back as bytes. */
import { once } from "node:events";
import { constants } from "node:http2";
import { connect } from "node:net";
import { END_HEADERS, END_STREAM, FRAME, frame } from "../traffic/http2-frames.ts";
import type { Place } from "../traffic/servers.ts";
import { BAD_HTTP2_REQUESTS, PREFACE } from "./bad-http2-requests.ts";
import { BAD_REQUESTS, type BadRequest, SMUGGLED } from "./bad-requests.ts";
import { ODD_REQUESTS } from "./odd-requests.ts";

/** Beyond this a case that is sent byte by byte goes in larger pieces: its length is its point. */
const MAX_SINGLE_BYTES = 2000;

/**
 * Sends bytes in pieces, and returns everything that comes until the server closes the connection.
 * @param piece bytes in a piece
 */
export async function answerTo(
  { host, port }: Place,
  bytes: Buffer,
  piece = Number.POSITIVE_INFINITY,
): Promise<Buffer> {
  const socket = connect({ host, port, noDelay: true, allowHalfOpen: true });
  const received: Buffer[] = [];
  socket.on("data", (data: Buffer) => received.push(data));
  // The server may close, or reset, before it has everything.
  socket.on("error", () => {});
  const over = new Promise<void>(
    (resolve) => void socket.once("end", resolve).once("close", () => resolve()),
  );
  await once(socket, "connect");
  const size = Math.min(piece, bytes.length);
  for (let at = 0; at < bytes.length && socket.writable; at += size) {
    socket.write(bytes.subarray(at, at + size));
    if (size < bytes.length) await new Promise(setImmediate);
  }
  await over;
  socket.destroy();
  return Buffer.concat(received);
}

/** The statuses of the responses in the bytes. */
export const statusesIn = (bytes: Buffer): number[] =>
  [...bytes.toString("latin1").matchAll(/HTTP\/1\.1 (\d{3}) [A-Z]/g)].map(([, status]) => Number(status));

export interface BadRequestOutcome extends BadRequest {
  /** The statuses that the client got before the listener closed the connection. */
  readonly statuses: readonly number[];
}

/** Sends each of the bad requests, with a good request behind it, on a connection of its own: at once and byte by byte. */
export async function sendBadRequests(place: Place): Promise<BadRequestOutcome[]> {
  const outcomes: BadRequestOutcome[] = [];
  const left = BAD_REQUESTS.flatMap((each) => [
    { each, piece: Number.POSITIVE_INFINITY },
    { each, piece: 1 },
  ]);
  const client = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { each } = next;
      const bytes = Buffer.from(each.text + SMUGGLED, "latin1");
      const piece = bytes.length > MAX_SINGLE_BYTES ? Math.max(next.piece, 500) : next.piece;
      outcomes.push({ ...each, statuses: statusesIn(await answerTo(place, bytes, piece)) });
    }
  };
  await Promise.all(Array.from({ length: 8 }, client));
  return outcomes;
}

/** What the outcomes should have been, in words; empty where all are right. */
export function wrongOutcomes(outcomes: readonly BadRequestOutcome[]): string[] {
  const isRight = ({ statuses, status, requests }: BadRequestOutcome): boolean =>
    // A target may answer a request whose content is refused later.
    statuses.length === 1 && (statuses[0] === status || (requests === 1 && statuses[0] === 200));
  return outcomes
    .filter((outcome) => !isRight(outcome))
    .map(
      ({ title, statuses, status }) =>
        `${title}: ${statuses.join(", ") || "no response"} instead of ${status}`,
    );
}

/** The code of the first RST_STREAM or GOAWAY that refuses something; null where none does. */
function refusalIn(bytes: Buffer): number | null {
  for (let at = 0; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) {
    const type = bytes[at + 3];
    if (type === FRAME.reset) return bytes.readUInt32BE(at + 9);
    if (type === FRAME.goaway && bytes.readUInt32BE(at + 13) !== 0) return bytes.readUInt32BE(at + 13);
  }
  return null;
}

/** Sends each of the odd requests. Returns those that did not get a response each, in words, and how many there were. */
export async function sendOddRequests(place: Place): Promise<{ wrong: string[]; requests: number }> {
  const wrong: string[] = [];
  for (const { title, text, requests } of ODD_REQUESTS) {
    const statuses = statusesIn(await answerTo(place, Buffer.from(text, "latin1")));
    const isRight = statuses.length === requests && statuses.every((status) => status === 200);
    if (!isRight) wrong.push(`${title}: ${statuses.join(", ") || "no response"}`);
  }
  return { wrong, requests: ODD_REQUESTS.reduce((sum, { requests }) => sum + requests, 0) };
}

/**
 * Sends each of the bad requests of HTTP/2. Returns those that were not refused with PROTOCOL_ERROR, in words, and
 * how many may arrive without their malformed field.
 */
export async function sendBadHttp2Requests(place: Place): Promise<{ wrong: string[]; requests: number }> {
  const wrong: string[] = [];
  for (const { title, block, isDropped } of BAD_HTTP2_REQUESTS) {
    const head = frame(FRAME.headers, END_HEADERS | END_STREAM, 1, block);
    const goaway = frame(FRAME.goaway, 0, 0, Buffer.alloc(8));
    const refusal = refusalIn(await answerTo(place, Buffer.concat([PREFACE, head, goaway])));
    if (!isDropped && refusal !== constants.NGHTTP2_PROTOCOL_ERROR)
      wrong.push(`${title}: ${refusal ?? "no refusal"}`);
  }
  return { wrong, requests: BAD_HTTP2_REQUESTS.filter(({ isDropped }) => isDropped).length };
}

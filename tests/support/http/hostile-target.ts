/** A target that answers as no server should, and a client that finds out whether any of it reaches another request. */
import http from "node:http";
import type { Socket } from "node:net";
import type { Place } from "../traffic/servers.ts";
import { BAD_RESPONSES, type BadResponse, CUT_RESPONSES, LEAKED, LONG_RESPONSES } from "./bad-responses.ts";

interface Answer extends BadResponse {
  /** Whether the target ends the connection behind it. */
  readonly ends: boolean;
  /** Whether the client may get it: it is good, but more follows. */
  readonly isGood: boolean;
}

/** The answers of the target, each at the path of its number. */
const ANSWERS: readonly Answer[] = [
  ...BAD_RESPONSES.flatMap((each) => [true, false].map((ends) => ({ ...each, ends, isGood: false }))),
  ...CUT_RESPONSES.map((each) => ({ ...each, ends: true, isGood: false })),
  ...LONG_RESPONSES.flatMap((each) => [true, false].map((ends) => ({ ...each, ends, isGood: true }))),
];

const GOOD = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

/** Serves a connection to the hostile target: `/N` gets answer N, and every other path a good one. */
export function hostileTarget(socket: Socket): void {
  let text = "";
  socket.on("end", () => socket.end());
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
    for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
      const number = /^GET \/(\d+) /.exec(text)?.[1];
      text = text.slice(end + 4);
      const answer = number === undefined ? undefined : ANSWERS[Number(number)];
      if (answer === undefined) socket.write(GOOD);
      else {
        socket.write(answer.text, "latin1");
        if (answer.ends) socket.end();
      }
    }
  });
}

/**
 * Asks for each of the hostile target's answers on kept connections, and for a good one behind it. Returns what was wrong,
 * in words; empty where every bad answer became 502 or a reset, and every request got its own answer.
 */
export async function findLeaks(place: Place): Promise<string[]> {
  const wrong: string[] = [];
  const left = [...ANSWERS.entries()];
  const client = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = (path: string) => outcomeOf(http.get({ ...place, path, agent }));
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [number, { title, isGood, ends }] = next;
      const bad = await get(`/${number}`);
      const good = await get("/good");
      const isRight = isGood ? /^(?:200 own|204 |304 )$/.test(bad) : bad === "502" || bad === "reset";
      const name = `${title}${ends ? ", and an end" : ""}`;
      if (!isRight) wrong.push(`${name}: ${bad}`);
      if (good !== "200 good") wrong.push(`${name}, the request behind it: ${good}`);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: 16 }, client));
  return wrong;
}

/** "502", "reset", or the status and the content; with the mark of {@link LEAKED} where the fields have it. */
async function outcomeOf(request: http.ClientRequest): Promise<string> {
  return await new Promise((resolve) => {
    request.on("error", () => resolve("reset"));
    request.on("response", (response) => {
      let text = "";
      response.setEncoding("latin1");
      response.on("data", (piece: string) => (text += piece));
      response.on("error", () => resolve("reset"));
      response.on("end", () => {
        const { statusCode, headers } = response;
        if (headers["x-leaked"] !== undefined) text += ` ${LEAKED}`;
        resolve(statusCode === 502 ? "502" : `${statusCode} ${text}`);
      });
    });
  });
}

/** A search for a known plaintext in relayed bytes: plain and in the usual encodings. */
import { DATA_HEADER, MESSAGE } from "../../../protocol/carrier/index.ts";
import type { Way } from "./middle.ts";

/** Returns the texts to search for, by encoding. The plaintext should repeat `marker`, for base64 alignment. */
export function forms(marker: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>([
    ["the bytes", marker],
    ["hex", Buffer.from(marker.toString("hex"))],
    ["HEX", Buffer.from(marker.toString("hex").toUpperCase())],
  ]);
  for (let shift = 0; shift < 3; shift++) {
    const rest = marker.subarray(shift);
    // Whole groups of three bytes encode the same at every position.
    const whole = rest.subarray(0, rest.length - (rest.length % 3));
    found.set(`base64, shifted by ${shift}`, Buffer.from(whole.toString("base64")));
    found.set(`base64url, shifted by ${shift}`, Buffer.from(whole.toString("base64url")));
  }
  return found;
}

/** Finds the marker in these texts. Returns place and encoding of each hit. */
export function search(marker: Buffer, texts: Readonly<Record<string, Buffer>>): string[] {
  const looking = [...forms(marker)];
  return Object.entries(texts).flatMap(([where, text]) =>
    looking.flatMap(([form, needle]) => (text.includes(needle) ? [`${form} in ${where}`] : [])),
  );
}

/** Returns one direction of a lane as one text: with the carrier's headers, and without. */
export function textsOf(way: Way): Record<string, Buffer> {
  const name = `${way.lane} from ${way.from}`;
  const data = way.seen.filter((message) => message.binary && message.data[0] === MESSAGE.data);
  return {
    [name]: Buffer.concat(way.seen.map((message) => message.data)),
    [`the pipe of ${name}`]: Buffer.concat(data.map((message) => message.data.subarray(DATA_HEADER))),
  };
}

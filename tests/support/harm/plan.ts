/** Harms that a router could do to the messages of a lane, chosen by a seed. */
import { DATA_HEADER, MESSAGE } from "../../../protocol/carrier/index.ts";
import type { Meddle, Message } from "./middle.ts";
import { random } from "./scale.ts";

export const HARMS = [
  "alter a payload",
  "drop a message",
  "repeat a message",
  "swap two messages",
  "swap two bytes",
  "alter a header",
  "lengthen a message",
  "make a message up",
  "play back an old message",
] as const;
/** Harms that cost a lane only. */
export const RUDENESS = ["say something in text"] as const;
/**
 * Harms that lose bytes of the carrier and nothing else. Another lane could still deliver them, so the sender detects
 * the loss at its next PING only.
 */
export const HOLES = ["shorten a message", "alter an offset"] as const;
export type Harm = (typeof HARMS)[number] | (typeof HOLES)[number] | (typeof RUDENESS)[number];

export interface Plan {
  readonly harm: Harm;
  readonly from: string;
  readonly meddle: Meddle;
  /** Description of the harm once it is done, or null. */
  done: string | null;
}

/** Plans one harm to a DATA message from a site. */
export function plan(seed: number, from: string, harms: readonly Harm[] = HARMS): Plan {
  const chance = random(seed);
  const pick = (below: number) => Math.floor(chance() * below);
  const harm = harms[seed % harms.length] ?? "alter a payload";
  let skip = pick(10);
  let held: Message | null = null;
  const old: Message[] = [];
  const made: Plan = {
    harm,
    from,
    done: null,
    meddle: (message, way) => {
      if (way.from !== from || !message.binary || made.done !== null) return [message];
      if (held !== null) {
        made.done = `swapped two of ${held.data.length} and ${message.data.length} bytes`;
        return [message, held];
      }
      old.push(message);
      if (message.data[0] !== MESSAGE.data || skip-- > 0) return [message];
      if (harm === "swap two messages") {
        held = message;
        return [];
      }
      const [what, passed] = act(harm, message, old, pick);
      made.done = `${what} (${message.data.length} bytes)`;
      return passed;
    },
  };
  return made;
}

function act(
  harm: Harm,
  message: Message,
  old: readonly Message[],
  pick: (below: number) => number,
): [string, Message[]] {
  const data = Buffer.from(message.data);
  const binary = (bytes: Buffer): Message => ({ data: bytes, binary: true });
  const payload = () => DATA_HEADER + pick(data.length - DATA_HEADER);
  switch (harm) {
    case "drop a message":
      return ["dropped", []];
    case "repeat a message":
      return ["repeated", [message, message]];
    case "swap two bytes": {
      const [left, right] = [payload(), payload()];
      const [a = 0, b = 0] = [data[left], data[right]];
      // Swapping equal bytes is no harm.
      data[left] = a === b ? a ^ 1 : b;
      data[right] = left === right ? (data[right] ?? 0) : a;
      return [`bytes ${left} and ${right}`, [binary(data)]];
    }
    case "alter a header": {
      // The header has type and number.
      const at = pick(4);
      data[at] = (data[at] ?? 0) ^ (1 << pick(8));
      return [`header byte ${at}`, [binary(data)]];
    }
    case "shorten a message":
      return ["shortened", [binary(data.subarray(0, data.length - 1 - pick(data.length - DATA_HEADER - 1)))]];
    case "alter an offset": {
      const offset = data.readUIntBE(4, 6) + 1 + pick(100);
      data.writeUIntBE(offset, 4, 6);
      return [`offset ${offset}`, [binary(data)]];
    }
    case "lengthen a message":
      return ["lengthened", [binary(Buffer.concat([data, Buffer.alloc(1 + pick(100), pick(256))]))]];
    case "make a message up": {
      const made = Buffer.from(Array.from({ length: 1 + pick(200) }, () => pick(256)));
      return [`${made.toString("hex").slice(0, 20)}…`, [message, binary(made)]];
    }
    case "play back an old message":
      return ["played back", [message, old[pick(old.length)] ?? message]];
    case "say something in text":
      return ["text", [message, { data: Buffer.from('{"type":"hello"}'), binary: false }]];
    default: {
      const at = payload();
      data[at] = (data[at] ?? 0) ^ (1 << pick(8));
      return [`payload byte ${at}`, [binary(data)]];
    }
  }
}

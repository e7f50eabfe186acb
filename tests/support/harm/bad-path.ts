/**
 * A model of TCP over a path with delay and loss, for machines without netem. Each round trip carries one flight of a
 * window that shrinks with every lost segment. A lost segment arrives a round trip later, or after a timeout when the
 * window is too small for a fast retransmission.
 */
import { random } from "./scale.ts";

export interface Badness {
  /** Delay in each direction, ms. */
  readonly delayMs: number;
  /** Fraction of lost segments. */
  readonly loss: number;
  readonly seed: number;
}

export interface PathEffects {
  deliver(bytes: Buffer): void;
  /** Called when everything was delivered. */
  ended(): void;
  /** Called when there is room for more bytes. */
  room(): void;
}

const SEGMENT = 1460;
const FIRST_WINDOW = 10;
const SMALLEST_WINDOW = 2;
/** With fewer segments in flight only a timeout detects a loss. */
const TELLING = 4;
const TIMEOUT_MS = 1000;

let paths = 0;

export class BadPath {
  readonly #badness: Badness;
  readonly #effects: PathEffects;
  readonly #random: () => number;
  #queue: Buffer[] = [];
  waiting = 0;
  #window = FIRST_WINDOW;
  #threshold = Number.POSITIVE_INFINITY;
  #flying = false;
  #ending = false;
  /** Time of the last delivery, which no later bytes may precede. */
  #lastArrival = 0;

  constructor(badness: Badness, effects: PathEffects) {
    this.#badness = badness;
    this.#effects = effects;
    this.#random = random(badness.seed * 1009 + paths++);
  }

  send(bytes: Buffer): void {
    this.#queue.push(bytes);
    this.waiting += bytes.length;
    if (!this.#flying) this.#fly();
  }

  end(): void {
    this.#ending = true;
    if (!this.#flying) this.#fly();
  }

  #fly(): void {
    const { delayMs } = this.#badness;
    const flight = this.#take(this.#window * SEGMENT);
    if (flight.length === 0 && !this.#ending) {
      this.#flying = false;
      return;
    }
    this.#flying = true;
    const late = this.#lose(Math.ceil(flight.length / SEGMENT));
    const arrival = Math.max(this.#lastArrival, performance.now() + delayMs + late);
    this.#lastArrival = arrival;
    const last = flight.length === 0;
    setTimeout(
      () => (last ? this.#effects.ended() : this.#effects.deliver(flight)),
      arrival - performance.now(),
    );
    if (!last) setTimeout(() => this.#fly(), arrival - performance.now() + delayMs);
    this.#effects.room();
  }

  /** Draws the losses of a flight. Returns the delay until it is complete, ms. */
  #lose(segments: number): number {
    const { delayMs, loss } = this.#badness;
    let lost = 0;
    for (let each = 0; each < segments; each++) if (this.#random() < loss) lost++;
    if (lost === 0) {
      this.#window += this.#window < this.#threshold ? this.#window : 1;
      return 0;
    }
    let late = segments < TELLING ? TIMEOUT_MS : 2 * delayMs;
    // Retransmissions can be lost as well.
    for (let wait = TIMEOUT_MS; this.#random() < loss * lost; wait *= 2) late += wait;
    this.#window = Math.max(SMALLEST_WINDOW, Math.floor(this.#window / 2));
    this.#threshold = this.#window;
    return late;
  }

  #take(most: number): Buffer {
    const bytes = Buffer.concat(this.#queue);
    const taken = bytes.subarray(0, most);
    const rest = bytes.subarray(taken.length);
    this.#queue = rest.length === 0 ? [] : [rest];
    this.waiting = rest.length;
    return taken;
  }
}

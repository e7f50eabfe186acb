/** The short messages of a pipe: what they change, and what answers them. */
import { FairleadError, isErrorCode } from "../errors.ts";
import type { CarrierEffects } from "./effects.ts";
import type { LaneSet } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import type { Lifecycle } from "./lifecycle.ts";
import { encodeEnd, encodePong, MESSAGE, type Message } from "./messages.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";

/** All but DATA. */
export type ShortMessage = Exclude<Message, { readonly type: typeof MESSAGE.data }>;

export class Exchange {
  readonly #effects: CarrierEffects;
  readonly #lanes: LaneSet;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #lifecycle: Lifecycle;

  constructor(
    effects: CarrierEffects,
    lanes: LaneSet,
    sender: Sender,
    receiver: Receiver,
    lifecycle: Lifecycle,
  ) {
    this.#effects = effects;
    this.#lanes = lanes;
    this.#sender = sender;
    this.#receiver = receiver;
    this.#lifecycle = lifecycle;
  }

  /**
   * Takes a message. Returns the error with which the peer ends the pipe now; else null.
   * @throws FairleadError session.malformed
   */
  take(lane: LaneState, message: ShortMessage): FairleadError | null {
    if (message.type === MESSAGE.end) return this.#takeEnd(message.sent, message.code);
    if (message.type === MESSAGE.pong) this.#takePong(lane, message.id, message.received);
    this.#sender.acknowledged(message.received);
    if (message.type === MESSAGE.park) this.#lifecycle.peerParks(message.sent, message.received);
    else if (message.type === MESSAGE.ping) {
      if (lane.full) lane.owedPong = message.id;
      else this.#answer(lane, message.id);
    }
    return null;
  }

  /** A lane takes messages again: pays what was owed while it did not. */
  pay(lane: LaneState): void {
    this.#receiver.payAck();
    const owed = lane.owedPong;
    lane.owedPong = null;
    if (owed !== null) this.#answer(lane, owed);
  }

  /** Tells the peer on every lane that the pipe ends now, and why. */
  sayEnd(code: string): void {
    for (const lane of this.#lanes.all()) {
      this.#lanes.send(lane, [encodeEnd(lane.numberOut, this.#sender.sent, code)]);
    }
  }

  #answer(lane: LaneState, id: number): void {
    this.#lanes.send(lane, [encodePong(lane.numberOut, id, this.#receiver.received)]);
  }

  #takePong(lane: LaneState, id: number, received: number): void {
    const answer = lane.pong(id, this.#effects.now(), received);
    if (answer === null) return;
    this.#sender.measured(answer.took, answer.alone);
    this.#effects.measured(answer.took);
  }

  #takeEnd(sent: number, code: string): FairleadError | null {
    if (code === "") {
      this.#receiver.endsAt(sent);
      return null;
    }
    const known = isErrorCode(code) ? code : "session.lost";
    return new FairleadError(known, `the other side ended the session: ${code}`);
  }
}

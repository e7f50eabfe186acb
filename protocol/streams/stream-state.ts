/**
 * The states of a stream and the transitions between them (docs/protocol.md, "Frames").
 *
 *     ours:    opening ──accepted──▶ open            theirs:  offered ──accept──▶ open
 *                 │ finish                                       │ peer finished
 *                 ▼                                              ▼
 *          opening_finished ──accepted──▶ finished        offered_finished ──accept──▶ peer_finished
 *
 *     open ──finish──▶ finished ──peer finished──▶ closed
 *     open ──peer finished──▶ peer_finished ──finish──▶ closed
 *     any ──reset, peer reset──▶ closed
 */

/** The state of a stream. */
export type StreamState =
  /** This side sent OPEN; data may follow. */
  | "opening"
  /** The same, and this side sent FIN. */
  | "opening_finished"
  /** The peer sent OPEN; this side has not replied. */
  | "offered"
  /** The same, and the peer sent FIN. */
  | "offered_finished"
  | "open"
  /** This side sent FIN; the peer may still send. */
  | "finished"
  /** The peer sent FIN; this side may still send. */
  | "peer_finished"
  | "closed";

/** What happens to a stream. "accepted" and "peer_finished" are frames of the peer. */
export type StreamEvent = "accept" | "accepted" | "finish" | "peer_finished" | "reset";

const TRANSITIONS: Record<StreamState, Partial<Record<StreamEvent, StreamState>>> = {
  opening: { accepted: "open", finish: "opening_finished", reset: "closed" },
  opening_finished: { accepted: "finished", reset: "closed" },
  offered: { accept: "open", peer_finished: "offered_finished", reset: "closed" },
  offered_finished: { accept: "peer_finished", reset: "closed" },
  open: { finish: "finished", peer_finished: "peer_finished", reset: "closed" },
  finished: { peer_finished: "closed", reset: "closed" },
  peer_finished: { finish: "closed", reset: "closed" },
  closed: {},
};

/** The state after an event; null when the event is not allowed in the state. */
export function nextState(state: StreamState, event: StreamEvent): StreamState | null {
  return TRANSITIONS[state][event] ?? null;
}

/** Whether this side may send DATA and FIN in a state. */
export const MAY_SEND: Record<StreamState, boolean> = {
  opening: true,
  opening_finished: false,
  offered: false,
  offered_finished: false,
  open: true,
  finished: false,
  peer_finished: true,
  closed: false,
};

/** Whether the peer may send DATA in a state. */
export const MAY_RECEIVE: Record<StreamState, boolean> = {
  opening: false,
  opening_finished: false,
  offered: true,
  offered_finished: false,
  open: true,
  finished: true,
  peer_finished: false,
  closed: false,
};

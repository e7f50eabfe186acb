/**
 * States of a stream and the moves between them.
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

export type StreamState =
  /** We sent OPEN; data may follow. */
  | "opening"
  /** The same, and FIN was sent. */
  | "opening_finished"
  /** The peer sent OPEN; we have not answered. */
  | "offered"
  /** The same, and the peer's FIN came. */
  | "offered_finished"
  | "open"
  /** We sent FIN; the peer may still send. */
  | "finished"
  /** The peer sent FIN; we may still send. */
  | "peer_finished"
  | "closed";

export type StreamMove = "accept" | "accepted" | "finish" | "peer_finished" | "reset";

const MOVES: Record<StreamState, Partial<Record<StreamMove, StreamState>>> = {
  opening: { accepted: "open", finish: "opening_finished", reset: "closed" },
  opening_finished: { accepted: "finished", reset: "closed" },
  offered: { accept: "open", peer_finished: "offered_finished", reset: "closed" },
  offered_finished: { accept: "peer_finished", reset: "closed" },
  open: { finish: "finished", peer_finished: "peer_finished", reset: "closed" },
  finished: { peer_finished: "closed", reset: "closed" },
  peer_finished: { finish: "closed", reset: "closed" },
  closed: {},
};

/** The state that a move leads to; null when the move is not legal there. */
export function nextState(state: StreamState, move: StreamMove): StreamState | null {
  return MOVES[state][move] ?? null;
}

/** Whether DATA and FIN may go out in this state. */
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

/** Whether DATA may come in in this state. */
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

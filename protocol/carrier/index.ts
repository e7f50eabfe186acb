/**
 * The carrier: the reliable pipe of bytes under a session's TLS, and what is said on a lane before it.
 *
 * A lane is a WebSocket. It begins with a preface each way (carrier/preface.ts), which settles the version:
 *
 * carrier 1 (2026-11): binary messages, 1 to 64 KiB, are the bytes of the pipe in order. The pipe ends with its
 * lane: on purpose with WebSocket close 1000, else with an error's code as the close reason.
 *
 * carrier 2 (2026-11): the pipe outlives its lanes, and may use several at once. Messages (carrier/messages.ts)
 * number the bytes, so that both ends know what arrived; what did not is sent again over the next lane
 * (carrier/machine.ts).
 */

export * from "./carrier.ts";
export type { CarrierState } from "./carrier-state.ts";
export * from "./effects.ts";
export * from "./lane.ts";
export * from "./messages.ts";
export * from "./preface.ts";

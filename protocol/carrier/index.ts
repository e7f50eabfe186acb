/**
 * The carrier: the reliable byte stream under a session's TLS, and the preface of its lanes
 * (docs/protocol.md, "The lane and the carrier").
 *
 * A lane is a WebSocket. It begins with a preface in each direction (preface.ts), which settles the version:
 *
 * Version 1 (2026-11): binary messages of 1 to 65,536 bytes are the bytes in order. The carrier ends with its
 * lane: on purpose with WebSocket close 1000, else with an error's code as the close reason.
 *
 * Version 2 (2026-11): the carrier outlives its lanes and may use several at once (carrier.ts). Messages
 * (messages.ts) number the bytes, so bytes lost with a lane are retransmitted on another.
 */

export * from "./carrier.ts";
export type { CarrierState } from "./carrier-state.ts";
export * from "./effects.ts";
export * from "./lane.ts";
export * from "./messages.ts";
export * from "./preface.ts";

/**
 * The reason why a connection is no longer observed: its bytes are not of the protocol, or more than an observer holds.
 * It never leaves the observers.
 */
export class ObservationError extends Error {}

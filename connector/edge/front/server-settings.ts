/** Settings that the servers before workerd share: the front and the door. */

/** Connections that the kernel queues until they are accepted. */
export const BACKLOG = 4_096;
/** Interval of the check of deadlines, ms. */
export const EXPIRE_MS = 500;
/** Idle time before the kernel's first keep-alive probe, ms. */
export const KEEPALIVE_MS = 30_000;

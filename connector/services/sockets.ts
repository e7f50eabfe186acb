/** How connections of clients and to targets are made. */

/**
 * Each direction ends by itself, and small writes leave at once. The high water mark lets what comes in one turn of
 * the event loop leave in one write; a reader that stalls is held back by its stream's credit.
 */
export const LOCAL_SOCKET = {
  allowHalfOpen: true,
  noDelay: true,
  keepAlive: true,
  highWaterMark: 256 * 1024,
} as const;

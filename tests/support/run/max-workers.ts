/**
 * Test files that run at the same time. Most wait for processes or for time to pass: a file of the system tests keeps a
 * core busy for about a quarter of its time, so six of them fill two cores.
 */
export const MAX_WORKERS = 6;

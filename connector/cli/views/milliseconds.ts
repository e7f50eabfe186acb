/** Times in ms, for people. */

/** `0.4 ms`, `12 ms`. */
export const milliseconds = (ms: number) => `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;

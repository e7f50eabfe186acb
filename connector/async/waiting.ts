/** Says what is waited for while work is done, where somebody may want to know. */

/**
 * Does the work and returns its result.
 * @param line a sentence that says what is waited for
 */
export type Waiting = <T>(line: string, work: () => Promise<T>) => Promise<T>;

/** Says nothing. */
export const silently: Waiting = (_, work) => work();

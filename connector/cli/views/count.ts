/** Numbers of things in words. */

/** `1 site`, `2 sites`. */
export const count = (number: number, thing: string) => `${number} ${thing}${number === 1 ? "" : "s"}`;

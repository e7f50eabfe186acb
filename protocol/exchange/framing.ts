/** The first byte of a message: what it is, and that its lengths are indeterminate (RFC 9292 §3.3). */
export const FRAMING = { request: 2, response: 3 } as const;

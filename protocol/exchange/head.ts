/** The heads of an exchange: what a request and a response say before their content (docs/protocol.md, "Exchanges"). */

/** The kind of a stream that carries an exchange. */
export const EXCHANGE_KIND = "exchange";

/**
 * Field lines in order: name, value, name, value, as Node's `rawHeaders` have them. Names are in lower case. Each
 * character of a value is one byte.
 */
export type Fields = readonly string[];

/** The head of a request. */
export interface RequestHead {
  readonly method: string;
  /** "http" or "https"; empty for CONNECT without {@link protocol}. */
  readonly scheme: string;
  /** The host and port that the client named; the fields have no `host`. Empty where the client named none. */
  readonly authority: string;
  /** Path and query; empty for CONNECT without {@link protocol}. */
  readonly path: string;
  /**
   * The protocol that the client wants to switch to, such as `websocket`: from `Upgrade` in HTTP/1.1, from `:protocol`
   * in HTTP/2.
   */
  readonly protocol?: string;
  readonly fields: Fields;
}

/** The head of a response. */
export interface ResponseHead {
  /** 101 where the target switched protocols, otherwise 200 to 599. */
  readonly status: number;
  readonly fields: Fields;
}

/** The head of an informational response. */
export interface InformationalHead {
  /** 100 to 199 without 101. */
  readonly status: number;
  readonly fields: Fields;
}

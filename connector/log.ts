/** What the connector's parts need of a log; a pino logger is one. */

type Line = (fields: Record<string, unknown>, text: string) => void;

export interface Log {
  readonly debug: Line;
  readonly info: Line;
  readonly warn: Line;
  readonly error: Line;
}

/** For whoever wants no log. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

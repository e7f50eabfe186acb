/** HELLO: what this side says of itself, and what it makes of the peer's. */
import { FairleadError } from "../errors.ts";
import { negotiate, SESSION_VERSIONS, type VersionRange } from "../versions.ts";
import type { Hello } from "./frames.ts";
import { DEFAULT_MAX_STREAMS, type MultiplexerOptions } from "./options.ts";
import { DEFAULT_WINDOW } from "./session-window.ts";

export function ourHello(options: MultiplexerOptions): Hello {
  return {
    versions: SESSION_VERSIONS,
    window: options.window ?? DEFAULT_WINDOW,
    maxStreams: options.maxStreams ?? DEFAULT_MAX_STREAMS,
    software: options.software,
    ...(options.features === undefined ? {} : { features: [...options.features] }),
    ...(options.resumeKey === undefined ? {} : { resumeKey: options.resumeKey }),
  };
}

/** @throws FairleadError session.version when there is no version that both speak. */
export function checkHello({ versions }: Hello): void {
  if (negotiate(SESSION_VERSIONS, versions) !== null) return;
  const range = ({ min, max }: VersionRange) => `${min} to ${max}`;
  throw new FairleadError(
    "session.version",
    `we speak ${range(SESSION_VERSIONS)}, the peer ${range(versions)}`,
  );
}

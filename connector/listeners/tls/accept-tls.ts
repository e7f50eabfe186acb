/** Ends the TLS of one client's connection. */
import type { Socket } from "node:net";
import { type SecureContext, TLSSocket } from "node:tls";
import { FairleadError } from "../../../protocol/errors.ts";
import { resetTogether } from "../../relay/flushed-reset.ts";

/** Time for the handshake, ms. */
const HANDSHAKE_MS = 10_000;

export interface AcceptTlsOptions {
  readonly context: SecureContext;
  /** Application protocols in order of preference; without any, ALPN is not answered. */
  readonly protocols: readonly string[];
  /** Gets the plaintext once the handshake is over. It is a socket with the client's address. */
  readonly onSecure: (socket: Socket) => void;
  readonly onFailed: (error: FairleadError) => void;
  readonly handshakeMs?: number;
}

/** Accepts TLS 1.2 and 1.3 on a client's connection. Exactly one of `onSecure` and `onFailed` is called. */
export function acceptTls(raw: Socket, options: AcceptTlsOptions): void {
  const { context, protocols, onSecure, onFailed, handshakeMs = HANDSHAKE_MS } = options;
  const secure = new TLSSocket(raw, {
    isServer: true,
    secureContext: context,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  });
  resetTogether(secure, raw);
  const timer = setTimeout(() => fail("did not finish in time"), handshakeMs).unref();
  let isOver = false;
  const over = (): boolean => {
    if (isOver) return false;
    isOver = true;
    clearTimeout(timer);
    secure.off("error", failed);
    secure.off("close", closed);
    return true;
  };
  const fail = (why: string) => {
    if (!over()) return;
    secure.on("error", () => {});
    onFailed(new FairleadError("listener.handshake", `The TLS handshake of a client ${why}.`));
    secure.resetAndDestroy();
  };
  const failed = (error: Error) => fail(`failed: ${error.message}`);
  const closed = () => fail("failed");
  secure.on("error", failed);
  secure.on("close", closed);
  secure.once("secure", () => {
    // Only tls.Server clears this mark, and node:http2 waits for it before it reads (Node 24.21, November 2026).
    Object.assign(secure, { secureConnecting: false });
    if (over()) onSecure(secure);
  });
}

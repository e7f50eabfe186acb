/** What Node needs for the same bytes without Fairlead. */
import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { Certificates } from "../../support/authority/server-certificates.ts";
import { LocalEnd } from "./local-end.ts";
import { type Ground, overSocket, type Stack, type StackKind } from "./stack.ts";
import { flowing, openTlsWire, type Wire } from "./wire.ts";

/** TLS on a socket, and no other layer: the least that Node can do. */
async function oneTls({ certificates }: Ground): Promise<Stack> {
  const { near, far, wire } = await openTlsWire(certificates);
  return await plainly(near, far, wire);
}

/** TLS in TLS, each Node's own; the inner one on the handle of the outer one. */
async function twoTls({ certificates }: Ground): Promise<Stack> {
  const outer = await openTlsWire(certificates);
  return await withInner(outer, outer.near, certificates);
}

/** TLS in TLS with a Duplex between them. */
async function twoTlsOverDuplex({ certificates }: Ground): Promise<Stack> {
  const outer = await openTlsWire(certificates);
  const [upper, lower] = duplexPair();
  lower.on("data", (chunk: Buffer) => void outer.near.write(chunk));
  outer.near.on("data", (chunk: Buffer) => void lower.write(chunk));
  return await withInner(outer, upper, certificates);
}

async function withInner(
  { far, wire }: { far: TLSSocket; wire: Wire },
  under: Duplex,
  { ca, certificate, key }: Certificates,
): Promise<Stack> {
  const server = createTlsServer({ cert: certificate, key });
  const accepted = once(server, "secureConnection");
  server.emit("connection", far);
  const near = connectTls({ socket: under, ca, host: "127.0.0.1", minVersion: "TLSv1.3" });
  const [[theirs]] = await flowing(wire, Promise.all([accepted, once(near, "secureConnect")]));
  return await plainly(near, theirs as TLSSocket, wire);
}

async function plainly(near: TLSSocket, far: TLSSocket, wire: Wire): Promise<Stack> {
  const local = await LocalEnd.open();
  near.on("error", () => {});
  local.socket.on("data", (chunk: Buffer) => void near.write(chunk));
  near.on("data", (chunk: Buffer) => void local.socket.write(chunk));
  return overSocket(local, wire, far, true);
}

/** The floors: what remains at best. */
export const FLOOR: readonly StackKind[] = [
  { id: "one-tls", open: oneTls },
  { id: "two-tls", open: twoTls },
  { id: "two-tls-duplex", open: twoTlsOverDuplex },
];

/** The bound socket of a listener: a TCP server, or a UDP socket. */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, isIPv6, type Socket } from "node:net";
import { localSocketOptions } from "../net/local-socket.ts";

export interface ListenerPlace {
  readonly host: string;
  readonly port: number;
}

export interface ListenerSocketEvents {
  listening(): void;
  /** The socket could not be bound, or, while it listens, failed to accept a client. */
  failed(error: Error): void;
}

export interface ListenerSocket {
  readonly listening: boolean;
  /** Stops listening. Established connections stay open. */
  close(): void;
}

/** Makes the socket of a listener, and begins to bind it. */
export type OpenListenerSocket = (place: ListenerPlace, events: ListenerSocketEvents) => ListenerSocket;

const BACKLOG = 4096;

/** @param keepAliveMs see {@link localSocketOptions} */
export function tcpListenerSocket(
  keepAliveMs: number | null | undefined,
  onClient: (socket: Socket) => void,
): OpenListenerSocket {
  return ({ host, port }, events) => {
    const server = createServer(localSocketOptions(keepAliveMs), onClient);
    server.on("error", (error) => events.failed(error));
    server.on("listening", () => events.listening());
    server.listen({ host, port, backlog: BACKLOG });
    return server;
  };
}

/** @param onBound gets the socket once it is bound, until it closes */
export function udpListenerSocket(onBound: (socket: UdpSocket) => void): OpenListenerSocket {
  return ({ host, port }, events) => {
    const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
    let listening = false;
    let isClosed = false;
    socket.on("error", (error) => events.failed(error));
    socket.on("listening", () => {
      listening = true;
      onBound(socket);
      events.listening();
    });
    socket.bind(port, host);
    return {
      get listening() {
        return listening;
      },
      close() {
        if (isClosed) return;
        isClosed = true;
        listening = false;
        socket.close();
      },
    };
  };
}

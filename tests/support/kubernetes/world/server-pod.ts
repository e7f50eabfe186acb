/** A pod with a server of this process in it. */
import type { Socket } from "node:net";
import { serve, type TestServer } from "../../traffic/servers.ts";
import { localAddress } from "./pod-addresses.ts";
import type { PodRecord } from "./pod-record.ts";

export class ServerPod {
  readonly record: PodRecord;
  readonly #servers: readonly TestServer[];

  private constructor(record: PodRecord, servers: readonly TestServer[]) {
    this.record = record;
    this.#servers = servers;
  }

  /** Listens at the ports of the pod. */
  static async start(
    record: PodRecord,
    ports: readonly number[],
    handle: (socket: Socket) => void,
  ): Promise<ServerPod> {
    const host = localAddress(record.address);
    return new ServerPod(record, await Promise.all(ports.map((port) => serve(handle, { host, port }))));
  }

  get name(): string {
    return this.record.name;
  }

  get address(): string {
    return this.record.address;
  }

  /** Connections that are open at all ports. */
  get connections(): number {
    return this.#servers.reduce((sum, { sockets }) => sum + sockets.size, 0);
  }

  setReady(ready: boolean): Promise<void> {
    return this.record.setReady(ready);
  }

  /** Ends the servers and their connections. No kubelet has noticed. */
  async crash(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.close()));
  }

  /** Ends the pod in order: it terminates, its servers end, the object goes. */
  async end(): Promise<void> {
    await this.record.delete();
    await this.crash();
    await this.record.remove();
  }
}

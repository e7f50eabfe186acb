/**
 * Connects streams with the targets of services: name, turn, descriptor and dial, in this order. The first target of a
 * port gets every connection.
 */
import { isIP, type Socket } from "node:net";
import { FairleadError } from "../../protocol/errors.ts";
import { unlessAborted } from "../async/abort.ts";
import { type ExposedPort, firstTarget, type TargetHost } from "../config/service-options.ts";
import { targetNames } from "../net/name-resolver.ts";
import { type DescriptorWatch, NO_DESCRIPTORS } from "../resources/descriptor-watch.ts";
import { DialLimiter } from "./dial-limiter.ts";
import { dialTarget, type TargetDialOptions } from "./dial-target.ts";
import type { TargetDials } from "./target-dials.ts";

export interface TargetPoolOptions extends Omit<TargetDialOptions, "signal"> {
  /** Says whether there is a descriptor for a target. */
  readonly descriptors?: DescriptorWatch;
  /** Keeps the connections that may come back to a listener. */
  readonly dials?: TargetDials;
}

/** What a connection to a target is for. */
export interface TargetUse {
  /** Id of the peer's site. */
  readonly site: string;
  /** Streams that the client's connection has behind it. */
  readonly hops: number;
  /** Gives the connection up. */
  readonly signal: AbortSignal;
}

/** A port of a service, to whose targets a connection is wanted. */
export interface PoolPort {
  /** The service. */
  readonly name: string;
  readonly port: ExposedPort;
}

export class TargetPool {
  readonly #dialOptions: Omit<TargetDialOptions, "signal">;
  readonly #limiter = new DialLimiter();
  readonly #descriptors: DescriptorWatch | undefined;
  readonly #dials: TargetDials | undefined;

  constructor({ descriptors, dials, ...dialOptions }: TargetPoolOptions = {}) {
    this.#dialOptions = dialOptions;
    this.#descriptors = descriptors;
    this.#dials = dials;
  }

  /** Connects to a target of the port. @throws FairleadError service.*, stream.cancelled. */
  async connect({ name, port }: PoolPort, { site, hops, signal }: TargetUse): Promise<Socket> {
    const target = firstTarget(port);
    // Ahead of the turn: a name that DNS does not answer for must not take the places of other services.
    if (isIP(target.host) === 0) await this.#lookUp(target.host, signal);
    return await this.#limiter.run(site, name, signal, () => this.#dial(target, hops, signal));
  }

  /** Waits until the name's addresses, or the lack of them, are known. @throws FairleadError stream.cancelled. */
  async #lookUp(host: string, signal: AbortSignal): Promise<void> {
    const { names = targetNames } = this.#dialOptions;
    const known = names.resolve(host).then(
      () => {},
      () => {},
    );
    await unlessAborted(known, signal, () => new FairleadError("stream.cancelled"));
  }

  async #dial(target: TargetHost, hops: number, signal: AbortSignal): Promise<Socket> {
    const options = { ...this.#dialOptions, signal };
    const descriptors = this.#descriptors;
    const dial = () =>
      this.#dials?.run(target.port, hops, () => dialTarget(target, options)) ?? dialTarget(target, options);
    if (descriptors === undefined) return await dial();
    if (!descriptors.take()) throw new FairleadError("service.overloaded", NO_DESCRIPTORS);
    try {
      const socket = await dial();
      if (socket.closed) descriptors.release();
      else socket.once("close", descriptors.release);
      return socket;
    } catch (error) {
      descriptors.release();
      throw error;
    }
  }
}

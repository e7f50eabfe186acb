/** Follows the flows of a network on its live channel until the user interrupts. */
import { FairleadError } from "../../../protocol/errors.ts";
import type { SiteFlowRecord } from "../../../protocol/telemetry/flow-record.ts";
import { sleep } from "../../async/sleep.ts";
import { LiveChannel } from "../../operator/live-channel.ts";
import type { Context } from "../framework/context.ts";

/** The wait before the channel is opened again after it was lost, ms. */
const AGAIN_MS = 2000;

/** Calls `show` for each record that matches, and says how many were left out. A channel that is lost is opened again. */
export async function followFlows(
  context: Context,
  network: string,
  filter: string,
  show: (flow: SiteFlowRecord) => void,
): Promise<void> {
  const interrupted = context.io.untilInterrupted();
  await whileLive(context, network, interrupted, async (channel) => {
    channel.send({ type: "tail", filter });
    for await (const message of channel.messages(interrupted)) {
      if (message.type !== "records") continue;
      for (const flow of message.records) show(flow);
      if (message.left > 0) {
        context.aside.line(`${message.left} more matched and are not shown: a narrower filter shows all.`);
      }
    }
  });
}

/**
 * Opens the channel, and again after it was lost, until the user interrupts.
 *
 * @throws FairleadError the first failure, and later ones that do not pass by themselves
 */
export async function whileLive(
  context: Context,
  network: string,
  interrupted: AbortSignal,
  use: (channel: LiveChannel) => Promise<void>,
): Promise<void> {
  const login = await context.login();
  let wasOpen = false;
  let complained = false;
  while (!interrupted.aborted) {
    let channel: LiveChannel | null = null;
    try {
      const key = (await login.readKey?.().catch(() => login.key)) ?? login.key;
      const open = () => LiveChannel.open({ ...login, key }, network, interrupted);
      channel = wasOpen
        ? await open()
        : await context.progress.during(`Waiting for the edge at ${login.url}.`, open);
      wasOpen = true;
      complained = false;
      await use(channel);
    } catch (thrown) {
      if (interrupted.aborted) return;
      if (!(thrown instanceof FairleadError) || !wasOpen || !thrown.entry.retry) throw thrown;
      if (!complained) context.aside.line(`${thrown.message} Trying again.`);
      complained = true;
      await sleep(AGAIN_MS, interrupted);
    } finally {
      channel?.close();
    }
  }
}

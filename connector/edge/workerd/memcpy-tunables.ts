/** How glibc copies memory in workerd on processors of AMD. */
import { cpus } from "node:os";

/** Larger than any copy. */
const NEVER = 2 ** 30;

/**
 * Makes the environment in which glibc copies with vector instructions instead of `rep movsb`; empty on processors of
 * other vendors. GLIBC_TUNABLES of this process takes precedence.
 *
 * glibc before 2.40 (Debian 12 has 2.36) copies 2 KiB and more with `rep movsb`. On Zen 3 and 4 that is many times
 * slower unless the destination is aligned (https://sourceware.org/bugzilla/show_bug.cgi?id=30994), and buffers of
 * `malloc` are not. workerd copies each byte of a lane twice into such buffers, which took 37 % of its time
 * (docs/decisions/0193-workerd-copies-without-rep-movsb.md). A C library without this tunable ignores it.
 *
 * @param model the name of the processor
 */
export function memcpyTunables(
  model: string | undefined = cpus()[0]?.model,
  inherited: string | undefined = process.env.GLIBC_TUNABLES,
): Record<string, string> {
  if (inherited !== undefined) return { GLIBC_TUNABLES: inherited };
  if (!model?.startsWith("AMD")) return {};
  return { GLIBC_TUNABLES: `glibc.cpu.x86_rep_movsb_threshold=${NEVER}` };
}

/** The deadline of a gRPC call, as its client gives it in `grpc-timeout`. */

const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** The time that is left, ms; null when the field is missing or malformed. */
export function grpcTimeoutMs(value: string | null): number | null {
  const match = value === null ? null : /^(\d{1,8})([HMSmun])$/.exec(value);
  if (match === null) return null;
  const unit = UNITS[match[2] ?? ""];
  return unit === undefined ? null : Number(match[1]) * unit;
}

/** What a Warning on an object says. */
export interface Warning {
  /** CamelCase. */
  readonly reason: WarningReason;
  /** What is wrong and what to do, as sentences without counters and addresses. */
  readonly note: string;
}

export type WarningReason =
  | "InvalidAnnotation"
  | "UnsupportedAnnotation"
  | "UnknownAnnotation"
  | "InvalidName"
  | "InvalidPort"
  | "UnsupportedProtocol"
  | "UnsupportedService"
  | "AddressInUse"
  | "TooManyPods"
  | "OfferRefused";

/** An object asks for what cannot be: nothing of it is exposed, and the object is told why. */
export class Unexposable extends Error {
  readonly warning: Warning;

  constructor(reason: WarningReason, note: string) {
    super(note);
    this.warning = { reason, note };
  }
}

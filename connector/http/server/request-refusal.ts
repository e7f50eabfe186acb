/** A refusal of a request that breaks the rules of HTTP: the status and a reason for the client. */
export class RequestRefusal extends Error {
  readonly status: number;

  /** @param message a sentence for the client and the log, without anything that the client sent */
  constructor(status: number, message: string) {
    super(message);
    this.name = "RequestRefusal";
    this.status = status;
  }
}

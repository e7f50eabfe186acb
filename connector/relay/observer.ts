/** Observes the flows of a connector. Metrics, traces and HTTP subscribe here, and see both sides alike. */
import type { FlowView } from "./flow.ts";

export interface FlowObserver {
  /** A client connected, or a peer opened a stream. Peer, session and stream may still be unknown. */
  flowStarted?(flow: FlowView): void;
  /** The client and the stream, or the stream and the target, are joined. Bytes flow from here on. */
  flowOpened?(flow: FlowView): void;
  /** The flow has its outcome and its last byte. Called once for each flow that started. */
  flowEnded?(flow: FlowView): void;
}

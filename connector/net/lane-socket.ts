/** Options of the WebSocket under a lane. */
import type { ClientOptions } from "ws";
import { MAX_LANE_MESSAGE } from "../../protocol/carrier/index.ts";

/** `WebSocketLane` writes its own frames and relies on the mask of zeros. */
export const LANE_SOCKET_OPTIONS: ClientOptions = {
  // Ciphertext does not compress.
  perMessageDeflate: false,
  // The payload is inside TLS twice, so a mask protects nothing. `ws` skips the XOR when the key is zero.
  generateMask: (mask) => {
    mask.fill(0);
  },
  maxPayload: MAX_LANE_MESSAGE,
};

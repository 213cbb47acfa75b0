/** The variants of `RoamError<E>`. In the result of a method they follow the 1 that means Err. */
export const ROAM_ERROR = { user: 0, unknownMethod: 1, invalidPayload: 2, cancelled: 3 } as const;

/** The results that do not come from a method: `Err(UnknownMethod)`, `Err(InvalidPayload)`, `Err(Cancelled)`. */
export const REFUSALS = {
  unknownMethod: Uint8Array.of(1, ROAM_ERROR.unknownMethod),
  invalidPayload: Uint8Array.of(1, ROAM_ERROR.invalidPayload),
  cancelled: Uint8Array.of(1, ROAM_ERROR.cancelled),
};
